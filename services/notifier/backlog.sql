-- Changes of which something is still to be published. "offset 0" keeps it a look-up of each change, whatever the size of the tables
-- when this was planned.
-- In: position, end (transaction ids), limit. Out: the element as the dispatcher passes it on, and its position, in order.
select minqing.dispatched_element(e.id, e.ref, coalesce(r.traceparent, '')) as element, e.xid::text as position
from minqing.case_events e
left join minqing.reports r on r.id = e.report
where e.xid >= $1::text::xid8 and e.xid < $2::text::xid8
  and exists (select from minqing.announcements a where a.ref = e.ref and a.version > a.published_version and not a.waiting offset 0)
order by e.xid
limit $3::integer
