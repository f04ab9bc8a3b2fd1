-- The newest deliveries, newest first. In: name of the webhook or null, only those that failed (given up, or tried and not taken), most.
-- Out: when made, webhook, number of the case or "test", event, state, attempts, what came back; and the row as JSON.
select x.made_at, x.webhook, coalesce(x.number, 'test'), coalesce(x.what, ''), x.state, x.attempt,
       coalesce(x.error, 'HTTP ' || x.status, ''),
       json_strip_nulls(row_to_json(x)) as json
from (
    select d.id as delivery, minqing.wire_time(d.made_at) as made_at, w.name as webhook, d.event, d."case", c.number, e.what,
           d.state, d.attempt, d.status, d.error, minqing.wire_time(d.done_at) as done_at,
           case when d.state = 'waiting' then minqing.wire_time(greatest(d.due_at, w.paused_until)) end as due_at
    from minqing.deliveries d
    join minqing.webhooks w on w.id = d.webhook
    left join minqing.case_events e on e.id = d.event
    left join minqing.cases c on c.id = d."case"
    where ($1::text is null or w.name = $1::text)
      and (not $2::boolean or d.state = 'given_up' or d.state = 'waiting' and d.attempt > 0 and d.leased_until is null)
    order by d.made_at desc, d.event desc
    limit $3::integer
) x
