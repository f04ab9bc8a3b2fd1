-- What lies in the tables before a measurement of growth: reports of the past with their closed cases, and open cases, as like real ones
-- as those of a run that came before, of which they are copies with other ids, places and times.
-- In: an empty schema bench. Out: bench.clear(), bench.sample(), bench.stock(count, open, first).

create table bench.villages (town text not null, code text not null, centre geometry (point, 4326) not null);

-- Everything that reports and actions have made is gone; accounts and reference stay.
create function bench.clear() returns void language sql as
$$
    truncate minqing.reports, minqing.rejections, minqing.classifications, minqing.case_counters, minqing.case_events, minqing.announcements, minqing.actions, minqing.outcomes,
        minqing.answers, minqing.visits, minqing.cases, minqing.joinable, minqing.case_reports, minqing.assignments, minqing.timers, minqing.report_index, minqing.reviews cascade
$$;

-- Keeps what a run has made of each report that opened a case.
create function bench.sample() returns bigint language plpgsql as
$$
begin
    drop table if exists bench.samples;
    create table bench.samples as
    select row_number() over (order by e.id) as n, r as report, c as classification, k as "case", e as event,
           (select array_agg(a order by a.department) from minqing.assignments a where a."case" = k.id) as parts,
           (select array_agg(a) from minqing.announcements a where a.ref = k.id) as told,
           (select array_agg(t) from minqing.timers t where t."case" = k.id) as timers,
           minqing.bigrams(coalesce(r.masked, r.text)) as grams
    from minqing.case_events e
    join minqing.cases k on k.id = e."case"
    join minqing.reports r on r.id = e.report
    join minqing.classifications c on c.report = r.id
    where e.what = 'opened'
    limit 20000;
    create unique index on bench.samples (n);
    return (select count(*) from bench.samples);
end
$$;

-- A UUID of version 7 for a time.
create function bench.uuid_at(p_at timestamptz) returns uuid language sql volatile as
$$
    select (left(h, 8) || '-' || right(h, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid
    from lpad(to_hex((extract(epoch from p_at) * 1000)::bigint), 12, '0') h
$$;

-- Stores p_count reports, each with a case of its own. In: p_open: the cases are open, seen in the last 30 days, with deadlines to come;
-- otherwise closed, over the last year. p_first: number of the first, so that several calls do not collide.
create procedure bench.stock(p_count bigint, p_open boolean, p_first bigint) language plpgsql as
$$
declare
    samples bigint := (select count(*) from bench.samples);
    villages bigint := (select count(*) from bench.villages);
    devices text[] := array(select account from minqing.accounts where role = 'device');
    step constant bigint := 50000;
    rank constant integer := case when p_open then 1 else 6 end; -- version: each change raised it
    words_index text := pg_get_indexdef('minqing.report_index_grams'::regclass);
    span interval := case when p_open then interval '30 days' else interval '365 days' end;
begin
    -- what is copied from whole cases fits together: no need to look at every reference again
    set session_replication_role = replica;
    set maintenance_work_mem = '256MB';
    -- built at the end this one is several times quicker
    drop index minqing.report_index_grams;
    for start in p_first .. p_first + p_count - 1 by step loop
        drop table if exists batch;
        create temp table batch as
        select g, s.*, bench.uuid_at(t.at) as new_report, bench.uuid_at(t.at) as new_case, t.at, v.town, v.code,
               st_setsrid(st_makepoint(st_x(v.centre) + 0.008 * (random() - 0.5), st_y(v.centre) + 0.008 * (random() - 0.5)), 4326) as place,
               devices[1 + (g * 7919) % cardinality(devices)] as device
        from generate_series(start, least(start + step, p_first + p_count) - 1) g
        cross join lateral (select now() - (span * ((p_first + p_count - g)::float8 / p_count)) as at) t
        join bench.samples s on s.n = 1 + g % samples
        join (select row_number() over () as n, w.* from bench.villages w) v on v.n = 1 + (g * 104729) % villages;

        insert into minqing.reports (id, account, received_at, observed_at, text, masked, payload_sha256, area, town, area_from, area_conflict,
                                     location, location_given, domain, kind, severity, origin, attachments, subject, subject_key, traceparent)
        select new_report, device, at, at, (report).text, (report).masked, (report).payload_sha256, code, town, 'polygon', false, place::geography,
               (report).location_given, (report).domain, (report).kind, (report).severity, (report).origin, (report).attachments,
               (report).subject, (report).subject_key, (report).traceparent
        from batch;
        insert into minqing.classifications (report, at, domain, kind, severity, review, disagrees, also, model_domain, model_kind, probability,
                                             model_severity, because, model, words)
        select new_report, at, (classification).domain, (classification).kind, (classification).severity, (classification).review,
               (classification).disagrees, (classification).also, (classification).model_domain, (classification).model_kind,
               (classification).probability, (classification).model_severity, (classification).because, (classification).model,
               (classification).words
        from batch;
        insert into minqing.cases (id, number, town, year, version, state_version, state, domain, kind, also, severity, restricted, area, location,
                                   opened_at, assigned_at, sign_by, handle_by, sign_minutes, handle_minutes, clock, lead, level, first_report,
                                   disagrees, has_subject, closed_at)
        select new_case, t.short_name || '-' || to_char(at, 'MMDD') || '-' || (10000000 + g), town, extract(year from at), rank, rank,
               case when p_open then 'assigned' else 'closed' end, (k).domain, (k).kind, (k).also, (k).severity, (k).restricted, b.code,
               case when (k).location is not null then place::geography end, at, at,
               case when p_open then now() + (1 + 29 * random()) * interval '1 day' else at + interval '1 hour' end,
               case when p_open then now() + interval '31 days' else at + interval '1 day' end, (k).sign_minutes, (k).handle_minutes, (k).clock, (k).lead,
               (k).level, new_report, (k).disagrees, (k).has_subject, case when not p_open then at + interval '1 day' end
        from (select "case" as k, batch.* from batch) b
        join minqing.areas t on t.code = b.town;
        insert into minqing.case_reports (report, "case", added_at, account) select new_report, new_case, at, device from batch;
        perform minqing.make_joinable(array(select new_case from batch)) where p_open;
        insert into minqing.assignments ("case", department, role, joint, assigned_at, state, resolved_at)
        select new_case, p.department, p.role, p.joint, at, case when p_open then 'assigned' else 'resolved' end, case when not p_open then at end
        from batch, unnest(parts) p;
        insert into minqing.case_events (ref, "case", report, at, what, actor, version, state, data)
        select new_case, new_case, new_report, at, 'opened', 'engine', 1, 'assigned', (event).data from batch;
        insert into minqing.case_events (ref, "case", at, what, actor, account, version, state, data)
        select new_case, new_case, at + v * interval '1 hour', w.what, 'lead', null, v, w.state, jsonb_build_object('set', jsonb_build_object('state', w.state))
        from batch
        cross join (values (2, 'signed', 'signed'), (3, 'progress', 'in_progress'), (4, 'resolved', 'resolved'), (5, 'verified', 'verified'),
                           (6, 'closed', 'closed')) w (v, what, state)
        where not p_open;
        insert into minqing.announcements (ref, topic, audience, scope, version, published_version, live, ended_at, targets)
        select new_case, a.topic, case when a.topic = 4 then device else a.audience end, case when a.scope = '' then '' else town end,
               rank, rank, p_open, case when not p_open then at + interval '1 day' end,
               case when a.targets is not null then array(select distinct split_part(t, '/', 1) || '/' || town from unnest(a.targets) t) end
        from batch, unnest(told) a
        on conflict do nothing;
        insert into minqing.timers ("case", chain, step, due_at)
        select new_case, t.chain, t.step, now() + interval '1 day' + 29 * random() * interval '1 day' from batch, unnest(timers) t where p_open;
        insert into minqing.report_index (report, account, at, grams)
        select new_report, device, at, grams from batch;
        commit;
    end loop;
    execute words_index;
    reset session_replication_role;
    reset maintenance_work_mem;
end
$$;
