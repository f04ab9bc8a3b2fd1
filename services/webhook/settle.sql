-- What became of attempts. An answer to an attempt that is not the last one begun changes nothing.
-- In: arrays (delivery, attempt, webhook, outcome: done | again | never, away: the webhook as a whole cannot be had, gone: it answered
--     410, HTTP status or null, error or null, delay until the next attempt in ms, pause of an away webhook in ms, how often in a row it
--     failed by now, age in ms after which a delivery is given up: the same in each row).
-- Out: one row a delivery changed: delivery, state, name of its webhook.
with input as materialized (
    select *
    from unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::boolean[], $6::boolean[], $7::smallint[], $8::text[],
                $9::bigint[], $10::bigint[], $11::integer[], $12::bigint[])
        as t (id, attempt, webhook, outcome, away, gone, status, error, delay_ms, pause_ms, failures, most_ms)
),
settled as (
    update minqing.deliveries d
    set leased_until = null, status = i.status, error = i.error,
        state = case
            when i.outcome = 'done' then 'done'
            -- a test is tried once: somebody waits for what came back
            when i.outcome = 'never' or d.event is null
                 or minqing.now() + make_interval(secs => i.delay_ms / 1000.0) > d.made_at + make_interval(secs => i.most_ms / 1000.0)
                then 'given_up'
            else 'waiting' end,
        due_at = case when i.outcome = 'again' then minqing.now() + make_interval(secs => i.delay_ms / 1000.0) else d.due_at end,
        done_at = case when i.outcome = 'done' then minqing.now() end
    from input i
    where d.id = i.id and d.attempt = i.attempt and d.state = 'waiting'
    returning d.id, d.state, d.webhook
),
told as (
    select s.webhook, bool_and(i.away) as away, bool_or(i.gone) as gone, max(i.failures) as failures, max(i.pause_ms) as pause_ms
    from settled s
    join input i on i.id = s.id
    group by s.webhook
),
before as materialized (
    select w.id, w.failures from told t join minqing.webhooks w on w.id = t.webhook
),
hooks as (
    update minqing.webhooks w
    set failures = case when t.away then greatest(w.failures, t.failures) else 0 end,
        paused_until = case when t.away then minqing.now() + make_interval(secs => t.pause_ms / 1000.0) end,
        enabled = w.enabled and not t.gone,
        disabled_because = case when t.gone then '410 Gone' else w.disabled_because end
    from told t
    where w.id = t.webhook and (t.away or t.gone or w.failures > 0)
    returning w.id, w.failures
),
-- it is back after an outage: what found it away need not wait any longer
forward as (
    update minqing.deliveries d
    set due_at = d.made_at
    from hooks h
    join before b on b.id = h.id and b.failures > 1
    where d.webhook = h.id and h.failures = 0 and d.state = 'waiting' and d.attempt > 0 and d.status is null and d.leased_until is null
      and d.id not in (select s.id from settled s)
)
select s.id, s.state, w.name
from settled s
join minqing.webhooks w on w.id = s.webhook
