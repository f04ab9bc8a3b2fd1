-- Leases the deliveries that are due now, fairly: of each webhook only so many at a time, of each host too, one while the webhook is
-- away. Of one case the events go in order, one after the other, until an event was tried three times: the later ones do not wait for
-- it any longer.
-- In: hosts and webhooks of the transfers on the way (text[], integer[]), most a host, most now, lease beyond the webhook's own timeout
--     in ms, age in ms after which one is no longer sent.
-- Out: delivery, attempt, webhook, name, url, host, secret, its key, timeout in ms, event (null: a test), failures of the webhook before.
with busy_hosts as materialized (
    select t.host, count(*) as n from unnest($1::text[]) as t (host) group by t.host
),
busy as materialized (
    select t.webhook, count(*) as n from unnest($2::integer[]) as t (webhook) group by t.webhook
),
able as materialized (
    select w.id, w.host, greatest(0, case when w.failures > 0 then 1 else $3::integer end - coalesce(b.n, 0)) as room
    from minqing.webhooks w
    left join busy b on b.webhook = w.id
    where w.enabled and coalesce(w.paused_until <= minqing.now(), true)
),
-- read in the order of the index, no further than there is room; the subquery with a limit stays a look-up a row
due as materialized (
    select w.id as webhook, w.host, d.id, d.due_at, d.event
    from able w
    cross join lateral (
        select d.id, d.due_at, d.event
        from minqing.deliveries d
        where d.webhook = w.id and d.state = 'waiting' and d.due_at <= minqing.now()
          and d.made_at >= minqing.now() - make_interval(secs => $6::float8 / 1000)
          and (d.leased_until is null or d.leased_until < minqing.now())
          and (select true
               from minqing.deliveries e
               where e.webhook = d.webhook and e."case" = d."case" and e.event < d.event and e.state = 'waiting' and e.attempt < 3
               limit 1) is null
        order by d.due_at, d.event
        limit w.room
        for update skip locked
    ) d
),
-- a test asks whether the webhook answers: it does not wait until it does
tests as materialized (
    select d.webhook, w.host, d.id, d.due_at, d.event
    from minqing.deliveries d
    join minqing.webhooks w on w.id = d.webhook
    where d.event is null and d.state = 'waiting' and (d.leased_until is null or d.leased_until < minqing.now())
      and d.id not in (select u.id from due u)
    limit $4::integer
    for update of d skip locked
),
ranked as materialized (
    select d.id, d.webhook
    from (select d.*, row_number() over (partition by d.host order by d.due_at, d.event) as k
          from (select * from due union all select * from tests) d) d
    left join busy_hosts b on b.host = d.host
    where d.k <= $3::integer - coalesce(b.n, 0)
    order by d.due_at, d.event
    limit $4::integer
),
leased as (
    update minqing.deliveries d
    set attempt = d.attempt + 1, leased_until = minqing.now() + make_interval(secs => (w.timeout_ms + $5::integer) / 1000.0)
    from ranked r
    join minqing.webhooks w on w.id = r.webhook
    where d.id = r.id
    returning d.id, d.attempt, w.id as webhook, w.name, w.url, w.host, encode(w.secret, 'hex') as secret, w.secret_key, w.timeout_ms,
              d.event, w.failures, d.due_at
)
select l.id, l.attempt, l.webhook, l.name, l.url, l.host, l.secret, l.secret_key, l.timeout_ms, l.event, l.failures
from leased l
order by l.due_at, l.event
