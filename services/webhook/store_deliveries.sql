-- A delivery for each webhook that wants an event; event 0 (announced again) is none.
-- In: arrays (index, event, ref). Out: one row a delivery made now.
insert into minqing.deliveries (webhook, event, "case", made_at, due_at)
select distinct v.webhook, v.event, v."case", minqing.now(), minqing.now()
from unnest($1::integer[], $2::bigint[], $3::uuid[]) as i (n, event, ref)
join minqing.v_wanted v on v.event = i.event
on conflict (event, webhook) do nothing
returning webhook
