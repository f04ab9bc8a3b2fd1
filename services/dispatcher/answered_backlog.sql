-- Answers and visits of which nothing was made yet. "offset 0" as in backlog.sql.
-- In: position, end (transaction ids), limit. Out: the element as ingest passes it on, and its position, in order.
select minqing.answered_element(s.id, s.what, s.traceparent) as element, s.xid::text as position
from (
    (select a.id, 'answer' as what, a.traceparent, a.xid
     from minqing.answers a
     where a.xid >= $1::text::xid8 and a.xid < $2::text::xid8 and not exists (select from minqing.outcomes o where o.id = a.id offset 0)
     order by a.xid
     limit $3::integer)
    union all
    (select v.id, 'visit', v.traceparent, v.xid
     from minqing.visits v
     where v.xid >= $1::text::xid8 and v.xid < $2::text::xid8 and not exists (select from minqing.outcomes o where o.id = v.id offset 0)
     order by v.xid
     limit $3::integer)
) s
order by s.xid
limit $3::integer
