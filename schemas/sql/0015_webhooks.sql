-- Webhooks: other systems get the case by HTTP. The service of that name alone writes and sends deliveries (services/webhook).
set search_path = minqing, public;

create table webhooks (
    id         integer generated always as identity primary key,
    name       text not null unique check (name ~ '^[a-z0-9-]{3,32}$'),
    url        text not null check (length(url) <= 2000 and url ~ '^https?://[A-Za-z0-9._:\[\]-]+([/?][^#[:space:][:cntrl:]]*)?$'),
    host       text not null generated always as (lower(substring(url from '^https?://([^/?]+)'))) stored,
    secret     bytea not null,
    secret_key text not null,
    department text references departments (code),
    area       text not null default '' check (area ~ '^[0-9]{0,15}$'),
    events     text[] not null default '{}',
    severity   smallint not null default 1 check (severity between 1 and 4),
    enabled    boolean not null default true,
    timeout_ms integer not null default 10000 check (timeout_ms between 100 and 120000),
    made_at    timestamptz not null,
    since      bigint not null,
    failures   integer not null default 0,
    paused_until timestamptz,
    disabled_because text
) with (fillfactor = 70);
comment on table webhooks is 'Where other systems get the case: a department''s own; department null: the command centre''s gateway.';
comment on column webhooks.secret is 'Sealed, bound to the name; secret_key names the key. Signs every delivery.';
comment on column webhooks.area is 'Prefix of the areas whose cases it gets.';
comment on column webhooks.events is 'Words of case_events.what; empty: all.';
comment on column webhooks.severity is 'The least.';
comment on column webhooks.since is 'It gets events of higher numbers: those after it was made or enabled, and after what was erased.';
comment on column webhooks.failures is 'How often in a row it did not answer. Until paused_until nothing is sent, then one at a time.';
comment on column webhooks.disabled_because is 'Why the service disabled it: it answered 410.';

create table deliveries (
    id       uuid primary key default gen_random_uuid(),
    webhook  integer not null references webhooks (id) on delete cascade,
    event    bigint references case_events (id) on delete cascade,
    "case"   uuid,
    made_at  timestamptz not null,
    due_at   timestamptz not null,
    leased_until timestamptz,
    done_at  timestamptz,
    attempt  integer not null default 0,
    status   smallint,
    state    text not null default 'waiting' check (state in ('waiting', 'done', 'given_up')),
    error    text,
    unique (event, webhook)
) with (fillfactor = 70);
comment on table deliveries is 'What each webhook is sent: one row an event, kept until minqing webhook erase. Event null: a test.';
comment on column deliveries.attempt is 'How often it was leased; an answer to an earlier attempt changes nothing.';
comment on column deliveries.leased_until is 'An instance is sending it; if that instance dies, another takes it after this time.';
comment on column deliveries.status is 'HTTP status of the last attempt; null: no answer, see error.';
create index deliveries_due on deliveries (webhook, due_at, event) where state = 'waiting';
create index deliveries_case on deliveries (webhook, "case", event) where state = 'waiting';
create index deliveries_made_at on deliveries (made_at);

-- Who gets what. The owner's rights, so that the service itself reads neither cases nor assignments.
create view v_wanted as
select w.id as webhook, e.id as event, e.ref, e."case", e.xid
from case_events e
join cases c on c.id = e."case"
join webhooks w on w.enabled and e.id > w.since and c.severity >= w.severity and starts_with(c.area, w.area)
                   and (w.events = '{}' or e.what = any (w.events))
where w.department is null
   -- a part that ends hears of the event that ended it, and of nothing later
   or exists (select from assignments a
              where a."case" = c.id and a.department = w.department and (a.ended_at is null or a.ended_at >= e.at));
comment on view v_wanted is 'Which webhook wants which event of a case: department, area, event, severity.';

-- The body of one attempt, from the present state. Content (the case as its desks see it) goes to a department that has a part in
-- the case now, and to the command centre unless the case is restricted; all others learn number, versions, state and deadlines.
-- A case of more than p_most bytes goes without the texts of its reports. Null: webhook or event is gone.
create function delivery_payload(p_webhook integer, p_event bigint, p_delivery uuid, p_attempt integer, p_most integer) returns text
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as
$$
declare
    head text := '{"v":1,"delivery":"' || p_delivery || '","attempt":' || p_attempt;
    hook minqing.webhooks;
    event minqing.case_events;
    found_case minqing.cases;
    redacted boolean;
    line text;
    message text;
begin
    if p_event is null then
        return head || ',"test":true,"event":null,"case":null}';
    end if;
    select w.* into hook from minqing.webhooks w where w.id = p_webhook;
    select e.* into event from minqing.case_events e where e.id = p_event;
    select c.* into found_case from minqing.cases c where c.id = event."case";
    if hook.id is null or found_case.id is null then
        return null;
    end if;
    redacted := case
        when hook.department is null then found_case.restricted
        else not exists (select from minqing.assignments a
                         where a."case" = found_case.id and a.department = hook.department and a.ended_at is null)
    end;
    line := minqing.stream_message(event);
    message := minqing.case_message(found_case, redacted);
    if redacted then
        select jsonb_object_agg(m.key, m.value)::text into line
        from jsonb_each(line::jsonb) m
        where m.key in ('v', 'event', 'at', 'what', 'severity', 'case', 'number', 'state');
    end if;
    if octet_length(message) > p_most then
        message := jsonb_set(message::jsonb, '{reports,latest}', '[]')::text;
    end if;
    return head || ',"event":' || line || ',"case":' || message || '}';
end
$$;

-- Rights ----------------------------------------------------------------------------------------------------------

do
$$
begin
    if not exists (select from pg_roles where rolname = 'minqing_webhook') then
        create role minqing_webhook login;
    end if;
end
$$;
grant usage on schema minqing to minqing_webhook;
grant select on minqing.clock_offset, minqing.schema_migrations, minqing.v_wanted, minqing.deliveries to minqing_webhook;
grant execute on function minqing.now(), minqing.dispatched_element(bigint, uuid, text) to minqing_webhook;
grant insert on minqing.rejections to minqing_webhook;
grant select on minqing.webhooks to minqing_webhook;
grant update (enabled, disabled_because, failures, paused_until) on minqing.webhooks to minqing_webhook;
grant insert (webhook, event, "case", made_at, due_at) on minqing.deliveries to minqing_webhook;
grant update (due_at, leased_until, done_at, attempt, status, state, error) on minqing.deliveries to minqing_webhook;
revoke execute on function minqing.delivery_payload(integer, bigint, uuid, integer, integer) from public;
grant execute on function minqing.delivery_payload(integer, bigint, uuid, integer, integer) to minqing_webhook;

grant select (id, name, url, host, secret_key, department, area, events, severity, enabled, timeout_ms, made_at, since, failures,
              paused_until, disabled_because) on minqing.webhooks to minqing_reader;
grant select on minqing.deliveries to minqing_reader;
grant select on minqing.webhooks, minqing.deliveries, minqing.v_wanted to minqing_test;

-- as of the other services, see 0005; a lost answer only sends again
alter role minqing_webhook set synchronous_commit = off;
alter role minqing_webhook set idle_in_transaction_session_timeout = '30s';
alter role minqing_webhook set statement_timeout = '60s';
alter role minqing_webhook set plan_cache_mode = force_generic_plan;
alter role minqing_webhook set jit = off;
alter role minqing_webhook set enable_seqscan = off;
alter role minqing_webhook set enable_hashjoin = off;
alter role minqing_webhook set enable_mergejoin = off;
