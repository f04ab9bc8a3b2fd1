-- Answers of officers and visits, each once.
-- In: arrays (index, id, what: answer or visit). Out: element, one an event, for the notifier.
select minqing.dispatched_element(d.event, d.ref, d.traceparent) as element
from minqing.handle_answered($2::uuid[], $3::text[]) d
where $1::integer[] is not null
