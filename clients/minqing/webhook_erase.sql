-- Erases deliveries that are over and older than some days. What was erased must not be made again: since is raised.
-- In: days. Out: how many.
with gone as (
    delete from minqing.deliveries d
    where d.state <> 'waiting' and d.made_at < minqing.now() - make_interval(days => $1::integer)
    returning d.webhook, d.event
),
raised as (
    update minqing.webhooks w
    set since = greatest(w.since, g.event)
    from (select webhook, max(event) as event from gone group by webhook) g
    where w.id = g.webhook and g.event is not null
)
select count(*) from gone
