-- What the clock has to do by now: reminders, supervision, escalation, calls.
-- In: the most cases to do at once. Out: element, one an event, for the notifier.
select minqing.dispatched_element(t.event, t.ref, t.traceparent) as element
from minqing.run_timers($1::integer) t
