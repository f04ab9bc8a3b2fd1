-- Classified reports that have neither a case nor a review. "offset 0" keeps these look-ups of each report, whatever the size of the
-- tables when this was planned.
-- In: position, end (transaction ids), limit. Out: the element as the classifier passes it on, and its position, in order.
select minqing.classified_element(c.report, r.traceparent) as element, c.xid::text as position
from minqing.classifications c
join minqing.reports r on r.id = c.report
where c.xid >= $1::text::xid8 and c.xid < $2::text::xid8
  and not exists (select from minqing.case_reports k where k.report = c.report offset 0)
  and not exists (select from minqing.reviews v where v.report = c.report offset 0)
order by c.xid
limit $3::integer
