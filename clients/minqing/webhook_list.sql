-- All webhooks, for people. Out: name, state, whose, area, least severity, events, how many deliveries wait (no more than 10,001 are
--     counted), url; and the row as JSON.
select x.name, x.state, coalesce(x.department, ''), x.area, x.severity, array_to_string(x.events, ' '),
       case when x.waiting > 10000 then '>10000' else x.waiting::text end, x.url, json_strip_nulls(row_to_json(x)) as json
from (
    select w.name, w.url, w.department, w.area, w.events, w.severity, w.timeout_ms, w.enabled, w.disabled_because, w.failures,
           case when not w.enabled then 'disabled' when w.failures > 0 then 'away' else 'ready' end as state,
           minqing.wire_time(w.made_at) as made_at, minqing.wire_time(w.paused_until) as paused_until,
           (select count(*) from (select from minqing.deliveries d where d.webhook = w.id and d.state = 'waiting' limit 10001) d) as waiting
    from minqing.webhooks w
) x
order by x.name
