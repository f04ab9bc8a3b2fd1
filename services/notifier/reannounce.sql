-- Every live topic, those ended within the last day, and what was never published: after a connection, whatever the broker says it
-- remembers.
-- In: position (a ref, '' at first), unused, limit. Out: an element with event 0, and its position, in order.
select minqing.dispatched_element(0, a.ref, '') as element, a.ref::text as position
from (
    select ref from minqing.announcements where live
    union
    select ref from minqing.announcements where ended_at > minqing.now() - interval '1 day'
) a
where ($1::text = '' or a.ref > nullif($1::text, '')::uuid) and $2::text is not null
order by a.ref
limit $3::integer
