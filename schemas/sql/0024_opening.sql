-- Opening cases with fewer and flatter steps: takes the place of open_cases and dispatch of 0019 and 0020. Wherever two sets of a batch
-- were compared row by row they now come in one order, or are looked up by key: no cost grows with the square of a batch.
set search_path = minqing, public;

-- Routes --------------------------------------------------------------------------------------------------------------

-- Who leads, who supports and how soon, for each kind x area x severity: kind before area before severity. In SQL and in `from`, so that
-- the planner puts it into the statement that calls it.
create function routes_of(p_domain text, p_kind text, p_area text, p_severity smallint) returns setof routes language sql stable as
$$
    select r.*
    from minqing.routes r
    where r.domain = p_domain
      and (r.kind is null or r.kind = p_kind)
      and p_area like r.area || '%'
      and (r.severity is null or r.severity <= p_severity)
    order by r.kind is not null desc, length(r.area) desc, r.severity desc nulls last
    limit 1
$$;

create or replace function route_of(p_domain text, p_kind text, p_area text, p_severity smallint) returns routes language plpgsql stable as
$$
declare
    found minqing.routes;
begin
    select r.* into found from minqing.routes_of(p_domain, p_kind, p_area, p_severity) r;
    return found;
end
$$;

-- How far the widest rule of each key goes ------------------------------------------------------------------------------

create table join_reaches (
    mine    text primary key,
    metres  integer not null,
    minutes integer not null,
    overlap real not null
);
comment on table join_reaches is 'Of join_rules, of each mine: the widest metres and minutes, the least overlap. Kept by a trigger.';

create function keep_join_reaches() returns trigger language plpgsql security definer set search_path = minqing, public, pg_temp as
$$
begin
    delete from minqing.join_reaches;
    insert into minqing.join_reaches (mine, metres, minutes, overlap)
    select j.mine, max(j.metres), max(j.minutes), min(j.overlap) from minqing.join_rules j group by j.mine;
    return null;
end
$$;
create trigger keep_join_reaches after insert or update or delete or truncate on join_rules
    for each statement execute function keep_join_reaches();
insert into join_reaches (mine, metres, minutes, overlap)
select j.mine, max(j.metres), max(j.minutes), min(j.overlap) from join_rules j group by j.mine;

-- Placements ------------------------------------------------------------------------------------------------------------

-- The placements of reports that have no case yet. In: parallel arrays; hints are joined by commas.
create function placements(p_reports uuid[], p_cases uuid[], p_domains text[], p_kinds text[], p_severities smallint[], p_hints text[],
                           p_sure boolean[])
returns setof placement language plpgsql stable as
$$
begin
    return query
    select i.report, i."case", i.domain, i.kind, i.severity, coalesce(string_to_array(nullif(i.hints, ''), ','), '{}'), i.sure,
           r.account, r.area, r.town, r.location, f.accuracy, r.area_from <> 'home', least(r.observed_at, r.received_at),
           coalesce(k.restricted, (select d.restricted from minqing.routes d where d.domain = i.domain and d.kind is null and d.area = '' and d.severity is null),
                    false),
           coalesce(c.words, '{}'), r.subject_key is not null, coalesce(c.disagrees, false), r.traceparent,
           f.place, f.place + point(d.position * 1e8, 0), minqing.stretch(f.place), f.accuracy + coalesce(e.metres, 0),
           make_interval(mins => e.minutes), e.overlap
    from unnest(p_reports, p_cases, p_domains, p_kinds, p_severities, p_hints, p_sure) as i (report, "case", domain, kind, severity, hints, sure)
    join minqing.reports r on r.id = i.report
    -- a fix that is off by more says next to nothing
    cross join lateral (select least(coalesce((r.location_given ->> 'accuracy_m')::float8, 0), 500) as accuracy, minqing.flat(r.location) as place offset 0) f
    left join minqing.domains d on d.code = i.domain
    left join minqing.join_reaches e on e.mine = minqing.join_key(i.domain, i.kind, i.severity)
    left join minqing.kinds k on k.code = i.kind
    left join minqing.classifications c on c.report = i.report
    where not exists (select from minqing.case_reports m where m.report = i.report);
end
$$;

create or replace function placements(p_reports uuid[], p_cases uuid[], p_domains text[], p_kinds text[], p_severities smallint[], p_hints text[],
                                      p_sure boolean)
returns setof placement language plpgsql stable as
$$
begin
    return query
    select p.*
    from minqing.placements(p_reports, p_cases, p_domains, p_kinds, p_severities, p_hints, array_fill(p_sure, array[cardinality(p_reports)])) p;
end
$$;
alter function placements(uuid[], uuid[], text[], text[], smallint[], text[], boolean) reset enable_hashjoin;

-- Opening ---------------------------------------------------------------------------------------------------------------

-- Opens one case for each report. Out: the events.
create or replace function open_cases(p placement[], p_account text, p_message uuid, p_data jsonb)
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    now_at timestamptz := minqing.now();
    today date := minqing.local_time_of(now_at)::date;
    who bigint := (select a.person from minqing.accounts a where a.account = p_account);
    -- what case_state says alike of every case just opened
    fresh jsonb := jsonb_build_object('state', 'assigned', 'state_version', 1, 'assigned_at', minqing.wire_time(now_at), 'outcome_by', null,
                                      'returns', 0, 'request', null, 'result', null, 'rating', null, 'report_count', 1, 'merged_into', null,
                                      'exercise', false, 'suspended_until', null);
    opened record;
begin
    with routed as materialized (
        -- only what is needed below: every step copies it. Deadlines as deadlines_of, the level as first_level.
        select i.report, i."case", i.domain, i.kind, i.severity, i.account, i.area, i.town, i.location, i.place, i.spot, i.at, i.words,
               i.has_subject, i.disagrees, i.traceparent, array_remove(i.hints, i.domain) as also, r.lead, r.restricted,
               least(r.sign_minutes, g.sign_minutes) as sign_minutes, least(r.handle_minutes, g.handle_minutes) as handle_minutes,
               case when g.severity is not null then 'hours' else r.clock end as clock,
               case when i.severity <= 2 and exists (select from minqing.accounts a
                                                     where a.department = r.lead and a.area = left(i.area, 12) and not a.locked)
                    then 'village' else 'town' end as level,
               -- with the leads of the other domains that the report touches; never where the kind is restricted
               array(select distinct u.department
                     from (select unnest(r.supporting) as department
                           union all
                           select o.lead
                           from unnest(array_remove(i.hints, i.domain)) a
                           cross join lateral minqing.routes_of(a, null, i.area, i.severity) o
                           where not r.restricted) u
                     where u.department <> r.lead) as supporting
        from unnest(p) i
        left join lateral minqing.routes_of(i.domain, i.kind, i.area, i.severity) r on true
        left join minqing.severities g on g.severity = i.severity and i.severity > r.default_severity and g.sign_minutes is not null
        where not exists (select from minqing.cases c where c.id = i."case")
    ),
    -- few different ones in a batch, and dear to count out
    periods as materialized (
        select q.*, minqing.wire_time(q.due) as wire, case when q.sign then minqing.remind_at(now_at, q.due, q.minutes, q.clock) end as remind
        from (select u.*, minqing.deadline(now_at, u.minutes, u.clock) as due -- "offset 0": counted out once
              from (select r.sign_minutes as minutes, r.clock, true as sign from routed r
                    union
                    select r.handle_minutes, r.clock, false from routed r) u offset 0) q
    ),
    counted as (
        insert into minqing.case_counters as k (town, day, last)
        select r.town, today, count(*) from routed r group by r.town order by r.town
        on conflict (town, day) do update set last = k.last + excluded.last
        returning k.town, k.last
    ),
    numbered as materialized (
        select r.*, t.short_name || '-' || to_char(today, 'MMDD') || '-'
                    || to_char(c.last - count(*) over (partition by r.town) + row_number() over (partition by r.town order by r.report), 'FM999000') as number,
               s.due as sign_by, s.wire as sign_wire, s.remind, h.due as handle_by, h.wire as handle_wire
        from routed r
        join counted c on c.town = r.town
        join minqing.areas t on t.code = r.town
        join periods s on s.sign and s.minutes = r.sign_minutes and s.clock = r.clock
        join periods h on not h.sign and h.minutes = r.handle_minutes and h.clock = r.clock
    ),
    made as (
        insert into minqing.cases (id, number, town, year, state, domain, kind, also, severity, restricted, area, location, opened_at,
                                   assigned_at, sign_by, handle_by, sign_minutes, handle_minutes, clock, lead, level, first_report,
                                   disagrees, has_subject)
        select n."case", n.number, n.town, extract(year from today), 'assigned', n.domain, n.kind, n.also, n.severity, n.restricted,
               n.area, n.location, now_at, now_at, n.sign_by, n.handle_by, n.sign_minutes, n.handle_minutes, n.clock, n.lead, n.level, n.report,
               n.disagrees, n.has_subject
        from numbered n
    ),
    joined as (
        insert into minqing.joinable ("case", town, village, domain, kind, severity, restricted, touching, place, spot, opened_at, observed_from,
                                      observed_to, words)
        select n."case", n.town, left(n.area, 12), n.domain, n.kind, n.severity, n.restricted, n.severity < 4 and n.also <> '{}', n.place,
               n.spot, now_at, n.at, n.at, n.words
        from numbered n
    ),
    attached as (
        insert into minqing.case_reports (report, "case", added_at, account) select n.report, n."case", now_at, n.account from numbered n
    ),
    assigned as (
        insert into minqing.assignments ("case", department, role, joint, assigned_at)
        select n."case", d.department, case when d.k = 1 then 'lead' else 'supporting' end, d.k = 1, now_at
        from numbered n cross join lateral unnest(n.lead || n.supporting) with ordinality as d (department, k)
    ),
    -- as schedule_case does for one
    watched as (
        insert into minqing.timers ("case", chain, step, due_at)
        select n."case", 'sign', 'remind', n.remind from numbered n
        union all
        select n."case", 'call_out', 'again', now_at + make_interval(mins => s.call_out_minutes)
        from numbered n join minqing.severities s on s.severity = n.severity
        where s.call_out_minutes is not null
    ),
    -- as announce_cases does for those that go on
    audiences as materialized (
        select n."case", case when n.restricted then 2 else 1 end as topic,
               array_remove(n.lead || n.supporting, 'command_centre')
                   || case when not n.restricted and (n.severity = 4 or n.lead = 'command_centre') then array['command_centre'] end as departments,
               n.town, left(n.area, 12) as village
        from numbered n
        union all
        select n."case", 1, array['command_centre'], n.town, left(n.area, 12) from numbered n where n.restricted
    ),
    told as (
        insert into minqing.announcements (ref, topic, audience, scope, version, targets)
        select a."case", a.topic, '', '', 1,
               array(select d || '/' || a.town from unnest(a.departments) d)
                   || array(select distinct d.department || '/' || d.area from minqing.accounts d
                            where d.department = any(a.departments) and d.area = a.village and length(d.area) = 12 and not d.locked)
        from audiences a
        where a.departments <> '{}'
        union all
        select n."case", 4, n.account, '', 1, null from numbered n join minqing.accounts o on o.account = n.account and o.role = 'device'
    ),
    events as (
        insert into minqing.case_events (ref, "case", report, at, what, actor, account, person, message, version, state, data)
        select n."case", n."case", n.report, now_at, 'opened', case when p_account is null then 'engine' else 'command' end, p_account,
               who, p_message, 1, 'assigned',
               coalesce(p_data, '{}') || jsonb_build_object('set', fresh || jsonb_build_object(
                   'domain', n.domain, 'kind', n.kind, 'also', n.also, 'severity', n.severity, 'restricted', n.restricted, 'level', n.level,
                   'lead', n.lead, 'sign_by', n.sign_wire, 'handle_by', n.handle_wire,
                   'parts', (select jsonb_object_agg(d.department, jsonb_build_object('role', case when d.k = 1 then 'lead' else 'supporting' end,
                                                                                      'state', 'assigned', 'joint', d.k = 1))
                             from unnest(n.lead || n.supporting) with ordinality as d (department, k))))
        from numbered n
        order by n."case"
        returning case_events.id, case_events.ref
    )
    -- both in the order of the cases: no need to look for each other's rows
    select array_agg(e.id order by e.ref) as events, array_agg(e.ref order by e.ref) as refs,
           (select array_agg(n.traceparent order by n."case") from numbered n) as traces
    into opened
    from events e;

    return query select * from unnest(opened.events, opened.refs, opened.traces);
end
$$;
alter function open_cases(placement[], text, uuid, jsonb) reset enable_hashjoin;

-- Dispatching -------------------------------------------------------------------------------------------------------------

-- Places reports: each joins the open case that it fits, or opens one. In: placements whose towns are locked. Unsure ones that fit
-- nothing are left alone. Out: the events. What a batch has nothing of costs no statement: a report often comes alone.
create or replace function place_reports(p placement[], p_account text, p_message uuid)
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    targets uuid[];
    still_open uuid[] := '{}';
    opening minqing.placement[];
    joining minqing.placement[];
    followers minqing.placement[];
    unsure minqing.placement[];
    theirs uuid[];
    led uuid[];
    opened uuid[];
    leaders integer[];
    critical boolean;
begin
    if p is null or cardinality(p) = 0 then
        return;
    end if;
    targets := minqing.matching_cases(p);
    if array_remove(targets, null) <> '{}' then
        -- a case may have been closed since it was looked at
        select coalesce(array_agg(o.id), '{}') into still_open
        from (select c.id from minqing.cases c where c.id = any(targets) and minqing.is_open(c.state) order by c.id for update) o;
    end if;
    select array_agg(p[n] order by p[n].at, p[n].report) filter (where not t.fits and p[n].sure),
           bool_or(not t.fits and p[n].sure and p[n].severity = 4),
           array_agg(p[n] order by p[n].report) filter (where not t.fits and not p[n].sure),
           array_agg(p[n] order by p[n].report) filter (where t.fits), array_agg(targets[n] order by p[n].report) filter (where t.fits)
    into opening, critical, unsure, joining, theirs
    from generate_subscripts(p, 1) n
    cross join lateral (select coalesce(targets[n] = any(still_open), false) as fits) t;

    if opening is not null then
        opened := array[(opening[1])."case"];
        if cardinality(opening) > 1 then
            leaders := minqing.cluster(opening);
            select array_agg(opening[n] order by n) filter (where leaders[n] <> n),
                   array_agg(opening[leaders[n]]."case" order by n) filter (where leaders[n] <> n),
                   array_agg(opening[n] order by n) filter (where leaders[n] = n),
                   array_agg(opening[n]."case" order by n) filter (where leaders[n] = n),
                   bool_or(opening[n].severity = 4) filter (where leaders[n] = n)
            into followers, led, opening, opened, critical
            from generate_subscripts(leaders, 1) n;
        end if;
        return query select o.event, o.ref, o.traceparent from minqing.open_cases(opening, p_account, p_message, null) o;
        joining := joining || followers;
        theirs := theirs || led;
        -- what nobody was sure of may be of a case that only now is there
        if unsure is not null then
            targets := minqing.matching_cases(unsure);
            joining := joining || (select array_agg(unsure[n] order by n) from generate_subscripts(unsure, 1) n where targets[n] = any(opened));
            theirs := theirs || (select array_agg(t) from unnest(targets) t where t = any(opened));
        end if;
    end if;
    if joining is not null then
        return query select j.event, j.ref, j.traceparent from minqing.join_cases(joining, theirs, p_account, p_message) j;
    end if;
    if opened is not null then
        return query select a.event, a.ref, a.traceparent from minqing.absorb_reviews(opened) a;
        if critical then
            return query select a.event, a.ref, a.traceparent from minqing.absorb_cases(opened) a;
            return query
            select b.id, e.ref, r.traceparent
            from minqing.mobilise_by_rule(opened) b (id)
            join minqing.case_events e on e.id = b.id
            join minqing.cases c on c.id = e.ref
            join minqing.reports r on r.id = c.first_report;
        end if;
    end if;
end
$$;

create or replace function dispatch(p_reports uuid[], p_cases uuid[])
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    placed minqing.placement[];
    doubtful boolean;
begin
    perform minqing.lock_towns(array(select r.town from minqing.reports r where r.id = any(p_reports)));

    select array_agg(w order by w.report), bool_or(not w.sure) into placed, doubtful
    from (
        select array_agg(i.report) as reports, array_agg(i."case") as cases,
               array_agg(case when c.review then c.model_domain else c.domain end) as domains,
               array_agg(case when c.review then null else c.kind end) as kinds,
               array_agg(c.severity) as severities,
               array_agg(array_to_string(case when c.review then c.also || array_remove(array[c.because #>> '{runner_up,domain}'], null) else c.also end, ',')) as hints,
               array_agg(not c.review) as sure
        from (select distinct on (u.report) u.* from unnest(p_reports, p_cases) as u (report, "case") order by u.report) i
        join minqing.classifications c on c.report = i.report
        where not exists (select from minqing.reviews v where v.report = i.report)
    ) s
    cross join lateral minqing.placements(s.reports, s.cases, s.domains, s.kinds, s.severities, s.hints, s.sure) w;
    return query select o.event, o.ref, o.traceparent from minqing.place_reports(placed, null, null) o;
    if doubtful then
        return query select o.event, o.ref, o.traceparent from minqing.open_reviews(placed) o;
    end if;
end
$$;

-- Rights ------------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant execute on function routes_of(text, text, text, smallint),
    placements(uuid[], uuid[], text[], text[], smallint[], text[], boolean[]) to minqing_dispatcher;
grant select on join_reaches to minqing_dispatcher, minqing_reader, minqing_test;
