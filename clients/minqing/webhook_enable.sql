-- Turns a webhook on or off. One that is turned on gets what happens from now on, and what was left waiting.
-- In: name, enabled. Out: one row where it is known.
update minqing.webhooks w
set enabled = $2::boolean, failures = 0, paused_until = null, disabled_because = null,
    since = case when $2::boolean and not w.enabled then (select coalesce(max(e.id), 0) from minqing.case_events e) else w.since end
where w.name = $1
returning w.name
