-- Actions of desks and of the command centre, one after the other: first those that place reports (they take their town's turn), then
-- by case, so that two dispatchers lock rows in one order; of one case in the order in which they came.
-- In: arrays (index, message, sha256 of its bytes, account, department or null for the command centre, area of its topic, the id of the
--     case that it may open). Out: n, reply (JSON, null on further rows of the same action), element (an event, or null).
select i.n, a.reply, case when a.event is not null then minqing.dispatched_element(a.event, a.ref, a.traceparent) end as element
from (
    select *
    from unnest($1::integer[], $2::jsonb[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::uuid[])
         as t (n, message, sha256, account, department, area, opened)
    order by t.message ->> 'case' nulls first, t.n
) i
cross join lateral minqing.act(i.message, i.sha256, i.account, i.department, i.area, i.opened) a
