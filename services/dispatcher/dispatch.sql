-- Opens a case for each classified report, adds it to an open one, or asks for a review.
-- In: arrays (index, report, the id its case gets). Out: element, one an event, for the notifier; of a case just opened with what is to be
--     told of it.
select minqing.dispatched_element(d.event, d.ref, d.traceparent, d.member) as element
from minqing.dispatch($2::uuid[], $3::uuid[]) d
where $1::integer[] is not null
