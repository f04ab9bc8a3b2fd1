-- Stores a batch of answers and says what became of each. Whether the task or case is there, and whether the answer is allowed, is
-- judged by the dispatcher: an officer without signal must not have to wait for that.
-- In: arrays, one a column of `input`. `role` is what the topic demands of the account; lat and lon are WGS 84; attachments are
--     joined by commas.
-- Out: n, outcome (accepted, duplicate, rejected), path, message, element (for accepted: what goes on to the dispatcher), id. A row
--     that a concurrent transaction is storing right now is left out: no receipt, so it is sent again.
with input as (
    select *
    from unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[], $8::text[], $9::text[],
                $10::bytea[], $11::float8[], $12::float8[], $13::jsonb[], $14::text[], $15::jsonb[], $16::text[])
         as t (n, id, account, role, at, task, "case", answer, note, sha256, lat, lon, location_given, attachments, extra, traceparent)
),
judged as (
    select i.*, a.person, minqing.sender_fault(i.account, i.role, null, a.role, a.area, a.locked) as fault
    from input i
    left join minqing.accounts a on a.account = i.account
),
good as materialized (
    -- of one id twice in a batch the first is stored, the second is compared with it
    select *, fault is null and row_number() over (partition by id, fault is null order by n) = 1 as first
    from judged
),
stored as (
    insert into minqing.answers as r (id, account, person, received_at, at, task, "case", answer, note, location, location_given,
                                      attachments, payload_sha256, extra, traceparent)
    select id, account, person, minqing.now(), at, task, "case", answer, note, st_setsrid(st_makepoint(lon, lat), 4326)::geography,
           location_given, coalesce(string_to_array(attachments, ','), '{}'), sha256, extra, traceparent
    from good
    where first
    order by id
    on conflict (id) do nothing
    returning r.id, r.account, r.payload_sha256, minqing.answered_element(r.id, 'answer', r.traceparent) as element
)
select g.n,
       case when g.fault is not null then 'rejected'
            when s.id is not null and g.first then 'accepted'
            when coalesce(s.account, old.account) = g.account and coalesce(s.payload_sha256, old.payload_sha256) = g.sha256 then 'duplicate'
            else 'rejected' end as outcome,
       case when g.fault is not null then '' else '/id' end as path,
       coalesce(g.fault, 'was used for another answer: choose a new id') as message,
       case when g.first then s.element end as element,
       g.id
from good g
left join stored s on s.id = g.id
left join minqing.answers old on old.id = g.id
where g.fault is not null or s.id is not null or old.id is not null
order by g.n
