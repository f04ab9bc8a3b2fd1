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
    select i.*, a.person, p.area as found, p.area_from, p.conflict, p.point, coalesce(i.domain, split_part(i.kind, '.', 1)) as said_domain,
           case when i.kind is not null and k.code is null then 'is not in the catalogue' end as kind_fault,
           minqing.sender_fault(i.account, i.role, i.topic_area, a.role, a.area, a.locked) as fault
    from input i
    left join minqing.accounts a on a.account = i.account
    left join minqing.kinds k on k.code = i.kind
    left join lateral minqing.place_of(i.area, i.lat, i.lon, a.area) p on true
),
stored as (
    -- of one id twice in a batch the first is stored
    insert into minqing.reports as r (id, account, person, received_at, observed_at, text, masked, payload_sha256, area, town, area_from,
                                      area_conflict, location, location_given, domain, kind, severity, origin, attachments, subject,
                                      subject_key, extra, traceparent)
    select id, account, person, (select minqing.now()), observed_at, text, masked, sha256, found, left(found, 9), area_from, conflict,
           point::geography, location_given, said_domain, kind, severity, origin,
           coalesce(string_to_array(attachments, ','), '{}'), subject, subject_key, extra, traceparent
    from placed
    where fault is null and found is not null and kind_fault is null
    order by id, n
    on conflict (id) do nothing
    returning r.id
),
judged as (
    select n, id, account, sha256, text, traceparent, said_domain, kind, severity,
           case when fault is not null then array['', fault]
                when found is null then array['/area', 'is not a known village or grid']
                when kind_fault is not null then array['/kind', kind_fault] end as faults
    from placed
),
-- "is true" keeps it a look into a hash of what was stored, not a loop over it
known as materialized (
    -- of one id twice in a batch the second is compared with the first
    select *, (id in (select s.id from stored s)) is true as new, row_number() over same = 1 as first, first_value(account) over same as first_account,
           first_value(sha256) over same as first_sha256
    from judged
    window same as (partition by id, faults is null order by n)
)
select g.n,
       case when g.faults is not null then 'rejected'
            when g.new and g.first then 'accepted'
            when case when g.new then g.first_account = g.account and g.first_sha256 = g.sha256
                      else old.account = g.account and old.payload_sha256 = g.sha256 end then 'duplicate'
            else 'rejected' end as outcome,
       case when g.faults is not null then g.faults[1] else '/id' end as path,
       case when g.faults is not null then g.faults[2] else 'was used for another report: choose a new id' end as message,
       case when g.new and g.first then
           minqing.received_element(g.id, g.text, g.traceparent, g.said_domain, g.kind, g.severity) end as element,
       g.id
from known g
left join minqing.reports old on old.id = case when not g.new then g.id end
where g.faults is not null or g.new or old.id is not null
order by g.n
