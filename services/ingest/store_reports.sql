-- Stores a batch of reports and says what became of each.
-- In: arrays, one a column of `input`. `role` is what the topic demands of the account; `topic_area` the area in the topic of a
--     report from the command centre, null for a device's; lat and lon are WGS 84; attachments are joined by commas.
-- Out: n, outcome (accepted, duplicate, rejected), path, message, element (for accepted: what goes on to the classifier), id. A row
--     that a concurrent transaction is storing right now is left out: no receipt, so it is sent again.
with input as (
    select *
    from unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::bytea[],
                $10::text[], $11::float8[], $12::float8[], $13::jsonb[], $14::text[], $15::text[], $16::smallint[], $17::text[],
                $18::text[], $19::bytea[], $20::text[], $21::jsonb[], $22::text[])
         as t (n, id, account, role, topic_area, observed_at, text, masked, sha256, area, lat, lon, location_given, domain, kind,
               severity, origin, attachments, subject, subject_key, extra, traceparent)
),
placed as materialized (
    select i.*, a.person, a.area as home, given.code as given, inside.code as inside, nearest.code as nearest,
           st_setsrid(st_makepoint(i.lon, i.lat), 4326) as point,
           case
               when a.account is null or a.role <> i.role then
                   array['', 'account ' || i.account || ' is not a ' || case i.role when 'device' then 'device' else 'command centre''s' end]
               when a.locked then array['', 'account ' || i.account || ' is locked: ask the town''s command centre']
               when i.topic_area is not null and i.topic_area not like a.area || '%' then
                   array['', 'account ' || i.account || ' does not serve area ' || i.topic_area]
               when i.area is not null and given.code is null then array['/area', 'is not a known village or grid']
               when i.kind is not null and k.code is null then array['/kind', 'is not in the catalogue']
           end as fault
    from input i
    left join minqing.accounts a on a.account = i.account
    left join minqing.areas given on given.code = i.area
    left join minqing.kinds k on k.code = i.kind
    left join lateral (
        select v.code
        from minqing.areas v
        where v.level = 'village' and i.lat is not null
          and st_covers(v.polygon, st_setsrid(st_makepoint(i.lon, i.lat), 4326))
        order by v.code
        limit 1
    ) inside on true
    left join lateral (
        -- by plane distance first, which the index knows; the 5 km are measured on the globe
        select v.code
        from (select w.code, w.polygon
              from minqing.areas w
              where w.level = 'village' and i.lat is not null and inside.code is null and w.polygon is not null
              order by w.polygon <-> st_setsrid(st_makepoint(i.lon, i.lat), 4326)
              limit 1) v
        where st_dwithin(v.polygon::geography, st_setsrid(st_makepoint(i.lon, i.lat), 4326)::geography, 5000)
    ) nearest on true
),
good as (
    select distinct on (id) *, coalesce(given, inside, nearest, home) as found
    from placed
    where fault is null
    order by id, n
),
stored as (
    insert into minqing.reports as r (id, account, person, received_at, observed_at, text, masked, payload_sha256, area, town, area_from,
                                      area_conflict, location, location_given, domain, kind, severity, origin, attachments, subject,
                                      subject_key, extra, traceparent)
    select id, account, person, minqing.now(), observed_at, text, masked, sha256, found, left(found, 9),
           case when given is not null then 'given' when inside is not null then 'polygon'
                when nearest is not null then 'nearest' else 'home' end,
           coalesce(left(given, 12) <> coalesce(inside, nearest), false),
           point::geography, location_given, coalesce(domain, split_part(kind, '.', 1)), kind, severity, origin,
           coalesce(string_to_array(attachments, ','), '{}'), subject, subject_key, extra, traceparent
    from good
    order by id
    on conflict (id) do nothing
    returning r.id, r.account, r.payload_sha256, minqing.received_element(r) as element
)
select p.n,
       case when p.fault is not null then 'rejected'
            when s.id is not null and g.n is not null then 'accepted'
            when coalesce(s.account, old.account) = p.account and coalesce(s.payload_sha256, old.payload_sha256) = p.sha256 then 'duplicate'
            else 'rejected' end as outcome,
       case when p.fault is not null then p.fault[1] else '/id' end as path,
       case when p.fault is not null then p.fault[2] else 'was used for another report: choose a new id' end as message,
       case when g.n is not null then s.element end as element,
       p.id
from placed p
left join stored s on s.id = p.id
left join good g on g.n = p.n
left join minqing.reports old on old.id = p.id
where p.fault is not null or s.id is not null or old.id is not null
order by p.n
