-- Makes a webhook, which gets what happens from now on.
-- In: name, url, sealed secret in hexadecimal, its key, department or null, area, events (text[]), least severity, timeout in ms.
-- Out: one row: made or not (the name is taken, or one of the following), unknown event words or null, whether the department is
--     known, whether the area is the beginning of a known one, the event words there are.
with words as materialized (
    select distinct event from minqing.transitions where subject <> 'review'
),
checked as materialized (
    select (select string_agg(w, ' ') from unnest($7::text[]) w where w not in (select event from words)) as unknown,
           $5::text is null or exists (select from minqing.departments d where d.code = $5::text) as department,
           exists (select from minqing.areas a where starts_with(a.code, $6::text)) as area
),
made as (
    insert into minqing.webhooks (name, url, secret, secret_key, department, area, events, severity, timeout_ms, made_at, since)
    select $1, $2, decode($3, 'hex'), $4, $5, $6, $7::text[], $8::smallint, $9::integer, minqing.now(),
           (select coalesce(max(e.id), 0) from minqing.case_events e)
    from checked c
    where c.unknown is null and c.department and c.area
    on conflict (name) do nothing
    returning name
)
select exists (select from made) as made, c.unknown, c.department, c.area, (select string_agg(event, ' ' order by event) from words)
from checked c
