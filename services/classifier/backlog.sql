-- Reports without a classification.
-- "offset 0" keeps it a look-up of each report, whatever the tables looked like when the plan was made.
-- In: position, end (transaction ids), limit. Out: the element as ingest passes it on, and its position, in order.
select minqing.received_element(r) as element, r.xid::text as position
from minqing.reports r
where r.xid >= $1::text::xid8 and r.xid < $2::text::xid8
  and not exists (select from minqing.classifications c where c.report = r.id offset 0)
order by r.xid
limit $3::integer
