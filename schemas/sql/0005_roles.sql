-- One least-privilege role a service; minqing_reader reads all for people at the terminal, except sealed data and secrets.
-- Roles belong to the whole server, so they may be there already. Passwords are set by whoever deploys.
do
$$
declare
    name text;
begin
    foreach name in array array['minqing_ingest', 'minqing_classifier', 'minqing_dispatcher', 'minqing_notifier', 'minqing_reader',
                                'minqing_test'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I login', name);
        end if;
    end loop;
end
$$;

revoke all on schema public from public;
grant usage on schema public to public;
revoke execute on all functions in schema minqing from public;
grant usage on schema minqing to minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier, minqing_reader, minqing_test;
grant select on minqing.clock_offset, minqing.schema_migrations to minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier,
    minqing_reader, minqing_test;
grant execute on function minqing.now(), minqing.local_time_of(timestamptz), minqing.wire_time(timestamptz)
    to minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier, minqing_reader, minqing_test;
grant insert on minqing.rejections to minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier;

grant select on minqing.areas, minqing.kinds, minqing.domains to minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier;
grant select (account, role, person, area, department, locked) on minqing.accounts
    to minqing_ingest, minqing_dispatcher, minqing_notifier, minqing_reader;

grant select, insert on minqing.reports to minqing_ingest;
grant execute on function minqing.received_element(minqing.reports) to minqing_ingest, minqing_classifier;

grant select on minqing.reports to minqing_classifier;
grant select, insert on minqing.classifications to minqing_classifier;
grant execute on function minqing.classified_element(uuid, text) to minqing_classifier, minqing_dispatcher;
alter role minqing_classifier set synchronous_commit = off;

grant select on minqing.reports, minqing.classifications, minqing.routes, minqing.severities, minqing.departments, minqing.calendar,
    minqing.working_day to minqing_dispatcher;
grant select, insert, update on minqing.cases, minqing.case_counters, minqing.assignments, minqing.reviews, minqing.announcements,
    minqing.examples to minqing_dispatcher;
grant select, insert on minqing.case_reports, minqing.case_events, minqing.actions to minqing_dispatcher;
grant execute on all functions in schema minqing to minqing_dispatcher;

grant select on minqing.reports, minqing.classifications, minqing.cases, minqing.case_reports, minqing.assignments, minqing.reviews,
    minqing.case_events, minqing.departments to minqing_notifier;
grant select on minqing.announcements to minqing_notifier;
grant update (published_version, waiting) on minqing.announcements to minqing_notifier;
grant execute on function minqing.shown_text(minqing.reports), minqing.area_name(text), minqing.case_message(minqing.cases, boolean),
    minqing.review_message(minqing.reviews), minqing.status_message(uuid, text, integer), minqing.stream_message(minqing.case_events),
    minqing.dispatched_element(bigint, uuid, text) to minqing_notifier;
-- a confirmation that is lost only announces again
alter role minqing_notifier set synchronous_commit = off;

grant select on all tables in schema minqing to minqing_reader;
revoke select on minqing.accounts, minqing.reports from minqing_reader;
grant select (account, role, person, area, department, locked, created_at) on minqing.accounts to minqing_reader;
grant select (id, account, person, received_at, observed_at, text, masked, payload_sha256, area, town, area_from, area_conflict, location,
              location_given, domain, kind, severity, origin, attachments, subject_key, extra, traceparent, xid) on minqing.reports to minqing_reader;
grant execute on function minqing.area_name(text) to minqing_reader;
grant update on minqing.clock_offset to minqing_test;
grant select on all tables in schema minqing to minqing_test;

do
$$
declare
    name text;
begin
    foreach name in array array['minqing_ingest', 'minqing_classifier', 'minqing_dispatcher', 'minqing_notifier'] loop
        execute format('alter role %I set idle_in_transaction_session_timeout = ''30s''', name);
        execute format('alter role %I set statement_timeout = ''60s''', name);
        -- the same few statements for ever, over arrays whose length the planner would otherwise look at each time
        execute format('alter role %I set plan_cache_mode = force_generic_plan', name);
        execute format('alter role %I set jit = off', name);
        -- and all of them look up rows by key: a plan that was made while a table was empty must not read the whole of it when it
        -- is full, nor must the plan change with what statistics happen to say
        execute format('alter role %I set enable_seqscan = off', name);
        execute format('alter role %I set enable_hashjoin = off', name);
        execute format('alter role %I set enable_mergejoin = off', name);
    end loop;
end
$$;
