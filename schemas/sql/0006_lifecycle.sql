-- What following a case to its end needs: the state machine as data, timers, tasks, answers, visits. GB/T 30428.
set search_path = minqing, public;

-- Reference -------------------------------------------------------------------------------------------------------

create table transitions (
    subject     text not null check (subject in ('review', 'case', 'task')),
    action      text not null,
    actor       text not null check (actor in ('lead', 'supporting', 'command', 'officer', 'clock', 'engine')),
    from_states text[] not null,
    to_state    text,
    from_parts  text[],
    to_part     text,
    needs       text[] not null,
    raises      boolean not null,
    tells       boolean not null,
    event       text not null,
    name_zh     text not null,
    name_en     text not null,
    primary key (subject, action, actor)
);
comment on table transitions is 'The state machine: who may do what in which states, and what follows. Enforced by transition_of alone.';
comment on column transitions.to_state is 'Null: the state stays.';
comment on column transitions.from_parts is 'States that the actor''s own part must be in; null: not looked at.';
comment on column transitions.needs is 'Members of the action that must be there and not empty.';
comment on column transitions.raises is 'Raises state_version although the state stays: others must see it before they act.';
comment on column transitions.tells is 'Those who reported are told.';

create table join_rules (
    mine    text not null,
    other   text not null,
    metres  integer not null,
    minutes integer not null,
    overlap real not null,
    primary key (mine, other)
);
comment on table join_rules is 'When two reports of one domain are of the same thing. Keys are kinds, a domain''s code for its unknown kind, each with ! behind it where the report is critical. Made from kinds and domains.';

create table settings (
    name  text primary key,
    value text not null,
    help  text not null
);
comment on table settings is 'Rules of the county that are neither of a kind nor of a route, from reference/settings.tsv.';

alter table departments add column aliases text[] not null default '{}';
comment on column departments.aliases is 'As people call it; by these a return''s reason names the department whose job it is.';
alter table domains
    add column call_back boolean not null default false,
    add column outcome_days integer,
    add column join_metres integer not null default 300,
    add column join_minutes integer not null default 720,
    add column join_overlap real not null default 0.25;
comment on column domains.join_metres is 'join_*: the rule for a critical report whose kind is not known.';
alter table kinds add column call_back boolean not null default false, add column outcome_days integer;
comment on column kinds.call_back is 'Nobody need go: a call back 回访 verifies.';
comment on column kinds.outcome_days is 'Second clock: working days from the filing of an application to its outcome.';
alter table severities add column call_out_minutes integer;
comment on column severities.call_out_minutes is 'Unsigned for so long, somebody is called, and again each further period.';
alter table routes drop constraint routes_clock_check;
alter table routes add constraint routes_clock_check check (clock in ('hours', 'days', 'working_hours', 'working_days'));
comment on column routes.clock is 'hours and days run on; working_* count what calendar and working_day say. Days are written as minutes, 1440 a day.';

alter table announcements add column tries smallint not null default 0, add column tried_at timestamptz not null default 'epoch';
comment on column announcements.tries is 'How often nobody was there, last at tried_at: who is heard all the time but never listens is not told each time.';

create extension if not exists intarray schema public;
create extension if not exists btree_gist schema public;
alter table classifications add column words integer[] not null default '{}';
comment on column classifications.words is 'Hashes of the text''s pairs of neighbouring characters, ascending: by these, reports of the same thing are recognised.';

-- Cases -----------------------------------------------------------------------------------------------------------

alter table cases
    add column level text not null default 'town' check (level in ('village', 'town', 'county', 'city')),
    add column assigned_at timestamptz not null default 'epoch',
    add column sign_minutes integer not null default 1,
    add column handle_minutes integer not null default 1,
    add column outcome_by timestamptz,
    add column returns smallint not null default 0,
    add column request jsonb,
    add column result text,
    add column rating smallint check (rating between 1 and 5),
    add column merged_into uuid references cases (id),
    add column split_from uuid references cases (id),
    add column exercise boolean not null default false,
    add column suspended_until timestamptz,
    add column words integer[] not null default '{}',
    add column observed_from timestamptz not null default 'epoch',
    add column observed_to timestamptz not null default 'epoch',
    add column signed_at timestamptz,
    add column resolved_at timestamptz,
    add column verified_at timestamptz,
    add column closed_at timestamptz;
comment on column cases.level is 'Who is responsible by now: raised one step each period after a deadline (village, town, county, city).';
comment on column cases.assigned_at is 'Since when the present lead has it: its clocks run from here.';
comment on column cases.request is 'Asked for in writing and not yet answered: {what: extension|suspension, until, reason, account, at}.';
comment on column cases.observed_from is 'Between observed_from and observed_to its reports were seen, by the field''s time but no later than received.';
comment on column cases.words is 'Words (classifications.words) of its reports, the first some hundred: what other reports are compared with.';
alter table cases set (fillfactor = 80);
-- The ways to the cases that a report may join: see matching_cases.
create index cases_place on cases using gist (domain, location) where state in ('assigned', 'signed', 'in_progress', 'suspended');
create index cases_critical on cases using gist (location) where state in ('assigned', 'signed', 'in_progress', 'suspended') and severity = 4;
create index cases_critical_town on cases (town, opened_at) where state in ('assigned', 'signed', 'in_progress', 'suspended') and severity = 4;
create index cases_open on cases (town, domain, opened_at) where state in ('assigned', 'signed', 'in_progress', 'suspended');
create index cases_unplaced on cases (town, domain, opened_at)
    where state in ('assigned', 'signed', 'in_progress', 'suspended') and location is null;
create index cases_touching on cases using gist (location) where state = 'assigned' and severity < 4 and also <> '{}';
create index cases_opened_at on cases (opened_at);
create index cases_handle_by on cases (handle_by);

alter table cases add column has_subject boolean not null default false;
comment on column cases.has_subject is 'One of its reports said whom it is about.';

alter table case_reports add column account text;
comment on column case_reports.account is 'Who reported it: as in reports, here so that a case of thousands of reports finds one device''s.';
drop index case_reports_case;
create index case_reports_case on case_reports ("case", added_at);
create index case_reports_account on case_reports ("case", account, added_at);

alter table assignments
    add column joint boolean not null default false,
    add column ended_at timestamptz,
    add column signed_at timestamptz,
    add column resolved_at timestamptz;
alter table assignments add constraint assignments_state_check
    check (state in ('assigned', 'signed', 'in_progress', 'resolved', 'returned', 'released'));
comment on column assignments.joint is 'Joint handling 联合处置: the case is resolved only when this part is too. True for the lead, those asked for support, and those who signed.';
comment on column assignments.ended_at is 'Since when the department is no longer on the case (returned, released).';
create index accounts_department on accounts (department, area) where department is not null;
drop index assignments_one_lead;
create unique index assignments_one_lead on assignments ("case") where role = 'lead' and ended_at is null;
create index assignments_department on assignments (department, "case");

alter table reviews drop constraint reviews_state_check;
alter table reviews add constraint reviews_state_check check (state in ('waiting', 'decided', 'joined'));
alter table reviews
    add column admitted_at timestamptz,
    add column admitted_by text references accounts (account),
    add column location geography (point, 4326),
    add column domains text[] not null default '{}';
comment on column reviews.domains is 'What it may be about, likeliest first: by these a case that opens later takes it in.';
create index reviews_place on reviews using gist (location) where state = 'waiting';
comment on column reviews.admitted_at is 'Accepted for handling 受理, not yet decided.';

alter table case_events add column actor text, add column department text;
comment on column case_events.data is 'What else there is to know; its member set has the new values of what the change changed, so that the history replays to the present state.';
comment on column case_events.department is 'The desk that acted, or the department meant.';
create index case_events_at on case_events (at);
create index case_events_case on case_events ("case", id) where "case" is not null;

create table timers (
    "case" uuid not null references cases (id),
    chain  text not null check (chain in ('sign', 'handle', 'outcome', 'call_out', 'resume', 'call_again')),
    step   text not null check (step in ('remind', 'due', 'escalate', 'again')),
    due_at timestamptz not null,
    primary key ("case", chain)
) with (fillfactor = 70);
comment on table timers is 'What the clock has to do next about each open case; the dispatcher does what is due. One row a chain, replaced as it goes on.';
create index timers_due on timers (due_at);

-- Mobilisation and tasks ------------------------------------------------------------------------------------------

create table mobilisations (
    id         uuid primary key,
    "case"     uuid not null references cases (id),
    unit       text not null references units (code),
    exercise   boolean not null,
    text       text not null,
    called_at  timestamptz not null,
    called_by  text references accounts (account),
    rounds     smallint not null default 1,
    listed_at  timestamptz,
    ended_at   timestamptz
);
comment on table mobilisations is 'A team, squadron or brigade called to a case. id: of the action that called, or of the rule''s event.';
comment on column mobilisations.listed_at is 'When those who stayed silent were listed to the squadron leader.';
create unique index mobilisations_one on mobilisations ("case") where ended_at is null;

create table tasks (
    id           uuid primary key default gen_random_uuid(),
    "case"       uuid not null references cases (id),
    mobilisation uuid references mobilisations (id),
    device       text not null references accounts (account),
    kind         text not null check (kind in ('verify', 'mobilise', 'visit', 'leader')),
    exercise     boolean not null default false,
    text         text not null,
    state        text not null default 'called' check (state in ('called', 'acknowledged', 'arrived', 'done', 'stood_down')),
    version      integer not null default 1,
    made_at      timestamptz not null,
    due_at       timestamptz,
    acknowledged_at timestamptz,
    arrived_at   timestamptz,
    note         text
);
comment on table tasks is 'What one device is asked to do about a case. kind leader: the list of silent officers, for who leads their squadron.';
create index tasks_case on tasks ("case");
create index tasks_mobilisation on tasks (mobilisation);
create index tasks_device on tasks (device) where state in ('called', 'acknowledged', 'arrived');

alter table units add column leader text;
comment on column units.leader is 'Account of the device of whoever leads the unit; it may not be there yet.';

-- Answers and visits ----------------------------------------------------------------------------------------------

create table answers (
    id             uuid primary key,
    account        text not null references accounts (account),
    person         bigint,
    received_at    timestamptz not null,
    at             timestamptz not null,
    task           uuid,
    "case"         uuid,
    answer         text not null check (answer in ('acknowledged', 'arrived', 'result', 'verified', 'rework')),
    note           text,
    location       geography (point, 4326),
    location_given jsonb,
    attachments    text[] not null,
    payload_sha256 bytea not null,
    extra          jsonb,
    traceparent    text not null,
    xid            xid8 not null default pg_current_xact_id()
);
comment on table answers is 'What officers answered to a task or about a case, as it arrived; one row for each accepted receipt.';
create index answers_xid on answers (xid);

create table visits (
    id             uuid primary key,
    account        text not null references accounts (account),
    person         bigint,
    received_at    timestamptz not null,
    observed_at    timestamptz not null,
    area           text not null references areas (code),
    town           text not null,
    area_from      text not null check (area_from in ('given', 'polygon', 'nearest', 'home')),
    area_conflict  boolean not null,
    location       geography (point, 4326),
    location_given jsonb,
    text           text not null,
    masked         text,
    service        text,
    masked_service text,
    task           uuid,
    attachments    text[] not null,
    subject        bytea,
    subject_key    text,
    payload_sha256 bytea not null,
    extra          jsonb,
    traceparent    text not null,
    xid            xid8 not null default pg_current_xact_id()
);
comment on table visits is 'Visits 走访; service: what was settled on the spot 自办自结, so that no department is troubled.';
create index visits_xid on visits (xid);
create index visits_received_at on visits (received_at);

create table outcomes (
    id      uuid primary key,
    what    text not null check (what in ('answer', 'visit')),
    at      timestamptz not null,
    done    boolean not null,
    reason  text,
    event   bigint
);
comment on table outcomes is 'What the dispatcher made of each answer and visit: one row a stage and id. reason: why nothing followed.';
