-- Gives up what nobody wanted for too long, the deliveries of disabled webhooks too.
-- In: age in ms. Out: name of the webhook, how many.
with old as (
    update minqing.deliveries d
    set state = 'given_up', leased_until = null, error = coalesce(d.error, 'not sent in time')
    from minqing.webhooks w
    where d.webhook = w.id and d.state = 'waiting'
      and d.made_at < minqing.now() - make_interval(secs => $1::float8 / 1000)
      and (d.leased_until is null or d.leased_until < minqing.now())
    returning w.name
)
select name, count(*) from old group by name
