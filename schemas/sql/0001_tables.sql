-- The tables. Every row that a later stage sweeps keeps the transaction that wrote it (xid), see docs/architecture.md.
-- In: an empty database whose owner may create extensions. Out: schema minqing.

create extension if not exists postgis;
create schema if not exists minqing;
comment on schema minqing is 'Event processing for grid governance: reports, cases, announcements.';
set search_path = minqing, public;

-- Reference -------------------------------------------------------------------------------------------------------

create table areas (
    code       text primary key check (code ~ '^[0-9]{4}([0-9]{2}([0-9]{3}([0-9]{3}([0-9]{3})?)?)?)?$'),
    parent     text references areas (code),
    level      text not null check (level in ('city', 'county', 'town', 'village', 'grid')),
    name       text not null,
    short_name text not null,
    synthetic  boolean not null default false,
    polygon    geometry (polygon, 4326),
    polygon_synthetic boolean not null default true
);
comment on table areas is 'Administrative divisions; codes are prefixes of each other. Grids and all polygons are synthetic unless polygon_synthetic is false.';
comment on column areas.short_name is 'As said aloud in case numbers: 博美.';
create index areas_polygon on areas using gist (polygon) where level = 'village';

create table domains (
    code     text primary key check (code ~ '^[a-z_]{1,40}$'),
    position smallint not null unique,
    name_zh  text not null,
    name_en  text not null
);
comment on table domains is 'The ten governance domains.';

create table departments (
    code    text primary key check (code ~ '^[a-z_]{1,40}$'),
    name_zh text not null,
    name_en text not null
);
comment on table departments is 'Who handles cases; desks of departments are accounts.';

create table kinds (
    code           text primary key check (code ~ '^[a-z_]+\.[a-z_]+$'),
    domain         text not null references domains,
    name_zh        text not null,
    name_en        text not null,
    severity       smallint not null check (severity between 1 and 4),
    join_metres    integer not null,
    join_minutes   integer not null,
    join_overlap   real not null check (join_overlap between 0 and 1),
    restricted     boolean not null
);
comment on table kinds is 'Kinds of events 事件类别. join_*: how near in place, time and text reports of the same thing are.';

create table routes (
    domain         text not null references domains,
    kind           text references kinds,
    area           text not null default '',
    severity       smallint check (severity between 1 and 4),
    lead           text not null references departments,
    supporting     text[] not null,
    sign_minutes   integer not null check (sign_minutes > 0),
    handle_minutes integer not null check (handle_minutes > 0),
    clock          text not null check (clock in ('hours', 'working_hours')),
    default_severity smallint not null check (default_severity between 1 and 4),
    restricted     boolean not null,
    unique nulls not distinct (domain, kind, area, severity)
);
comment on table routes is 'Routing and deadlines by kind x area prefix x least severity; the most specific row wins. Kind null: the domain''s default.';

create table severities (
    severity       smallint primary key,
    name_zh        text not null,
    name_en        text not null,
    sign_minutes   integer,
    handle_minutes integer
);
comment on table severities is 'Names; and the longest deadlines, in clock minutes, of a case that is graver than its route expects (null: the route''s own).';

create table calendar (
    day     date primary key,
    working boolean not null,
    name    text not null
);
comment on table calendar is 'Exceptions to Monday to Friday: holidays, and moved working days 调休.';

create table working_day (
    starts time not null,
    ends   time not null,
    check (starts < ends)
);
comment on table working_day is 'Hours that count on a working day, in local time.';

create table units (
    code   text primary key check (code ~ '^[a-z0-9-]{3,32}$'),
    parent text references units (code),
    level  text not null check (level in ('brigade', 'squadron', 'team')),
    name   text not null,
    area   text not null references areas (code)
);
comment on table units is 'Brigade 大队, squadrons 中队, teams 小队.';

create table persons (
    id    bigint generated always as identity primary key,
    name  text not null,
    phone text,
    unit  text references units (code),
    unique nulls not distinct (name, unit)
);
comment on table persons is 'People to whom accounts belong.';

create table accounts (
    account       text primary key check (account ~ '^[a-z0-9-]{3,32}$'),
    role          text not null check (role in ('service', 'device', 'desk', 'operator')),
    person        bigint references persons (id),
    area          text references areas (code),
    department    text references departments (code),
    password_hash text not null,
    locked        boolean not null default false,
    created_at    timestamptz not null default now(),
    check (role = 'service' or person is not null and area is not null),
    check ((role = 'desk') = (department is not null))
);
comment on table accounts is 'MQTT user names. A device''s area is its home grid; a desk''s or operator''s the area it serves. The broker''s files are written from here.';
comment on column accounts.password_hash is 'As Mosquitto reads it: $7$iterations$salt$hash, PBKDF2 with SHA-512.';

-- Clock and settings ----------------------------------------------------------------------------------------------

create table clock_offset (
    one    boolean primary key default true check (one),
    moved  interval not null default '0'
);
insert into clock_offset default values;
comment on table clock_offset is 'How far minqing.now() is ahead of the clock: zero, except in tests.';

-- Reports ---------------------------------------------------------------------------------------------------------

create table reports (
    id             uuid primary key,
    account        text not null references accounts (account),
    person         bigint,
    received_at    timestamptz not null,
    observed_at    timestamptz not null,
    text           text not null,
    masked         text,
    payload_sha256 bytea not null,
    area           text not null references areas (code),
    town           text not null,
    area_from      text not null check (area_from in ('given', 'polygon', 'nearest', 'home')),
    area_conflict  boolean not null,
    location       geography (point, 4326),
    location_given jsonb,
    domain         text references domains (code),
    kind           text references kinds (code),
    severity       smallint check (severity between 1 and 4),
    origin         text,
    attachments    text[] not null,
    subject        bytea,
    subject_key    text,
    extra          jsonb,
    traceparent    text not null,
    xid            xid8 not null default pg_current_xact_id()
);
comment on table reports is 'What was reported, as it arrived; one row for each accepted receipt.';
comment on column reports.text is 'As written. Everything that leaves for others than the desks of the case shows masked where it is not null.';
comment on column reports.subject is 'Sealed (XChaCha20-Poly1305), bound to the id; subject_key names the key.';
comment on column reports.domain is 'What the officer said; the model''s view is in classifications.';
create index reports_xid on reports (xid);
create index reports_received_at on reports (received_at);

create table rejections (
    id          bigint generated always as identity primary key,
    at          timestamptz not null,
    service     text not null,
    topic       text not null,
    bytes       bytea not null,
    size        integer not null,
    errors      jsonb not null
);
comment on table rejections is 'What could not be understood: topic, bytes (capped, and cut where subject begins; size is the true length), and reasons.';
create index rejections_at on rejections (at);

create table classifications (
    report      uuid primary key references reports (id),
    at          timestamptz not null,
    domain      text references domains (code),
    kind        text references kinds (code),
    severity    smallint not null check (severity between 1 and 4),
    review      boolean not null,
    disagrees   boolean not null,
    also        text[] not null,
    model_domain text references domains (code),
    model_kind  text references kinds (code),
    probability real not null,
    model_severity smallint not null,
    because     jsonb not null,
    model       text not null,
    xid         xid8 not null default pg_current_xact_id()
);
comment on table classifications is 'What a report is about: the decision (domain, kind, severity, review), and what the model said.';
comment on column classifications.disagrees is 'The officer''s domain was followed although the model strongly says another.';
create index classifications_xid on classifications (xid);

-- Cases -----------------------------------------------------------------------------------------------------------

create table case_counters (
    town text not null,
    day  date not null,
    last integer not null,
    primary key (town, day)
);

create table cases (
    id            uuid primary key,
    number        text not null,
    town          text not null,
    year          smallint not null,
    version       integer not null default 1,
    state_version integer not null default 1,
    state         text not null check (state in ('assigned', 'signed', 'in_progress', 'suspended', 'resolved', 'verified', 'closed', 'refused', 'merged')),
    domain        text not null references domains (code),
    kind          text references kinds (code),
    also          text[] not null,
    severity      smallint not null check (severity between 1 and 4),
    restricted    boolean not null,
    area          text not null references areas (code),
    location      geography (point, 4326),
    opened_at     timestamptz not null,
    sign_by       timestamptz not null,
    handle_by     timestamptz not null,
    clock         text not null,
    lead          text not null references departments (code),
    first_report  uuid not null references reports (id),
    report_count  integer not null default 1,
    disagrees     boolean not null,
    unique (town, year, number)
);
comment on table cases is 'The present state of each case; its history is case_events.';
comment on column cases.version is 'Raised by every change; orders messages. state_version only by what an actor must have seen.';

create table case_reports (
    report uuid primary key references reports (id),
    "case" uuid not null references cases (id),
    added_at timestamptz not null
);
comment on table case_reports is 'Which case each dispatched report belongs to.';
create index case_reports_case on case_reports ("case");

create table assignments (
    "case"     uuid not null references cases (id),
    department text not null references departments (code),
    role       text not null check (role in ('lead', 'supporting')),
    state      text not null default 'assigned',
    assigned_at timestamptz not null,
    primary key ("case", department)
);
comment on table assignments is 'Departments of a case: exactly one lead, each with its own part.';
create unique index assignments_one_lead on assignments ("case") where role = 'lead';

create table reviews (
    report     uuid primary key references reports (id),
    state      text not null check (state in ('waiting', 'decided')),
    version    integer not null default 1,
    town       text not null,
    severity   smallint not null,
    opened_at  timestamptz not null,
    decided_at timestamptz,
    decided_by text references accounts (account),
    domain     text references domains (code),
    kind       text references kinds (code),
    note       text
);
comment on table reviews is 'Reports of which the classifier was unsure: waiting for, or decided by, the command centre.';
create index reviews_waiting on reviews (town, opened_at) where state = 'waiting';

create table case_events (
    id       bigint generated always as identity primary key,
    ref      uuid not null,
    "case"   uuid references cases (id),
    report   uuid references reports (id),
    at       timestamptz not null,
    what     text not null,
    account  text,
    person   bigint,
    note     text,
    message  uuid,
    data     jsonb,
    version  integer not null,
    state    text,
    xid      xid8 not null default pg_current_xact_id()
);
comment on table case_events is 'Append-only history. ref is the case, or the report while it waits for review: the ref of its announcements.';
create index case_events_ref on case_events (ref, id);
create index case_events_xid on case_events (xid);

create table actions (
    id      uuid primary key,
    account text not null,
    at      timestamptz not null,
    payload_sha256 bytea not null,
    reply   jsonb not null
);
comment on table actions is 'Every action that was answered, with its reply: the same id gets it again.';

create table announcements (
    ref      uuid not null,
    topic    smallint not null check (topic between 1 and 6),
    audience text not null,
    scope    text not null,
    version  integer not null,
    published_version integer not null default 0,
    live     boolean not null default true,
    waiting  boolean not null default false,
    ended_at timestamptz,
    primary key (ref, topic, audience, scope)
) with (fillfactor = 60);
comment on table announcements is 'The last hop: what each audience is to be told. topic: 1 case, 2 restricted case, 3 review, 4 status, 5 task, 6 notice.';
comment on column announcements.waiting is 'Unretained and nobody there: published when that audience is next heard from.';
create index announcements_waiting on announcements (audience) where waiting;
create index announcements_live on announcements (ref) where live;
create index announcements_ended on announcements (ended_at) where ended_at is not null;

create table examples (
    id      bigint generated always as identity primary key,
    at      timestamptz not null,
    report  uuid not null references reports (id),
    source  text not null check (source in ('review', 'return', 'correction')),
    domain  text references domains (code),
    kind    text references kinds (code),
    severity smallint,
    account text not null,
    unique (report, source)
);
comment on table examples is 'Labels that people gave: what training reads beside the corpus. Domain null: none of the ten.';

create table audit_entries (
    id      bigint generated always as identity primary key,
    at      timestamptz not null,
    account text not null,
    what    text not null,
    ref     uuid,
    reason  text not null
);
comment on table audit_entries is 'Who read whose personal data, when and why.';
