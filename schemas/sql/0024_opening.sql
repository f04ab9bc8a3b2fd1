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

-- Each supporting department once and in order, so that opening a case need not see to it.
create function keep_supporting() returns trigger language plpgsql as
$$
begin
    new.supporting := array(select distinct d from unnest(new.supporting) d order by d);
    return new;
end
$$;
create trigger keep_supporting before insert or update of supporting on routes for each row execute function keep_supporting();
update routes set supporting = supporting;

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

-- The placement of a report that has no case yet, of what was classified and what is to become of it. In SQL, so that the planner puts it
-- into the statement that calls it.
create function placed(p_report uuid, p_case uuid, p_domain text, p_kind text, p_severity smallint, p_hints text[], p_sure boolean, p_words integer[],
                       p_disagrees boolean) returns setof placement language sql stable as
$$
    select p_report, p_case, p_domain, p_kind, p_severity, p_hints, p_sure, r.account, r.area, r.town, r.location, f.accuracy, r.area_from <> 'home',
           least(r.observed_at, r.received_at),
           coalesce(k.restricted, (select d.restricted from minqing.routes d where d.domain = p_domain and d.kind is null and d.area = '' and d.severity is null),
                    false),
           coalesce(p_words, '{}'), r.subject_key is not null, coalesce(p_disagrees, false), r.traceparent,
           f.place, f.place + point(d.position * 1e8, 0), minqing.stretch(f.place), f.accuracy + coalesce(e.metres, 0),
           make_interval(mins => e.minutes), e.overlap
    from minqing.reports r
    -- a fix that is off by more says next to nothing
    cross join lateral (select least(coalesce((r.location_given ->> 'accuracy_m')::float8, 0), 500) as accuracy, minqing.flat(r.location) as place offset 0) f
    left join minqing.domains d on d.code = p_domain
    left join minqing.join_reaches e on e.mine = minqing.join_key(p_domain, p_kind, p_severity)
    left join minqing.kinds k on k.code = p_kind
    where r.id = p_report and not exists (select from minqing.case_reports m where m.report = p_report)
$$;

-- The placements of reports that have no case yet. In: parallel arrays; hints are joined by commas.
create or replace function placements(p_reports uuid[], p_cases uuid[], p_domains text[], p_kinds text[], p_severities smallint[], p_hints text[],
                                      p_sure boolean)
returns setof placement language plpgsql stable as
$$
begin
    return query
    select w.*
    from unnest(p_reports, p_cases, p_domains, p_kinds, p_severities, p_hints) as i (report, "case", domain, kind, severity, hints)
    left join minqing.classifications c on c.report = i.report
    cross join lateral minqing.placed(i.report, i."case", i.domain, i.kind, i.severity, coalesce(string_to_array(nullif(i.hints, ''), ','), '{}'), p_sure,
                                      c.words, c.disagrees) w;
end
$$;
alter function placements(uuid[], uuid[], text[], text[], smallint[], text[], boolean) reset enable_hashjoin;

-- Opening ---------------------------------------------------------------------------------------------------------------

-- What the event says of a case just opened, as case_state does. The words are codes, which need no escaping.
create function opened_data(p_at text, p_domain text, p_kind text, p_also text[], p_severity smallint, p_restricted boolean, p_level text,
                            p_lead text, p_supporting text[], p_sign_by text, p_handle_by text) returns jsonb language sql stable as
$$
    select concat('{"set":{"state":"assigned","state_version":1,"assigned_at":"', p_at, '","outcome_by":null,"returns":0,"request":null,"result":null,'
                  '"rating":null,"report_count":1,"merged_into":null,"exercise":false,"suspended_until":null,"domain":"', p_domain,
                  '","kind":', coalesce('"' || p_kind || '"', 'null'), ',"also":', array_to_json(p_also), ',"severity":', p_severity,
                  ',"restricted":', case when p_restricted then 'true' else 'false' end, ',"level":"', p_level, '","lead":"', p_lead,
                  '","sign_by":"', p_sign_by, '","handle_by":"', p_handle_by,
                  '","parts":{"', p_lead, '":{"role":"lead","state":"assigned","joint":true}',
                  ',"' || array_to_string(nullif(p_supporting, '{}'), '":{"role":"supporting","state":"assigned","joint":false},"')
                       || '":{"role":"supporting","state":"assigned","joint":false}', '}}}')::jsonb
$$;

-- Opens the case of one report, as open_cases does: at low rates a report comes alone, and the statement for many takes longer to start than
-- all that it does for one. Out: the event, null where the case is there already.
create function open_case(p placement, p_account text, p_message uuid, p_data jsonb) returns bigint language plpgsql as
$$
declare
    now_at timestamptz := minqing.now();
    today date := minqing.local_time_of(now_at)::date;
    share float8 := coalesce(minqing.setting('remind_share')::float8, 0.667);
    also text[] := array_remove(p.hints, p.domain);
    o record;
    departments text[];
    dues timestamptz[];
    who bigint;
    said jsonb;
    event bigint;
begin
    select r.lead, r.restricted, r.supporting, t.short_name, g.call_out_minutes, v.*,
           case when p.severity <= 2 and exists (select from minqing.accounts a where a.department = r.lead and a.area = left(p.area, 12) and not a.locked)
                then 'village' else 'town' end as level
    into o
    from minqing.areas t
    left join lateral minqing.routes_of(p.domain, p.kind, p.area, p.severity) r on true
    left join minqing.severities g on g.severity = p.severity
    cross join lateral (select p.severity > r.default_severity and g.sign_minutes is not null as graver) w
    cross join lateral (select case when w.graver then least(r.sign_minutes, g.sign_minutes) else r.sign_minutes end as sign_minutes,
                               case when w.graver then least(r.handle_minutes, g.handle_minutes) else r.handle_minutes end as handle_minutes,
                               case when w.graver then 'hours' else r.clock end as clock) v
    where t.code = p.town and not exists (select from minqing.cases c where c.id = p."case");
    if not found then
        return null;
    end if;
    if also = '{}' or o.restricted then
        departments := o.lead || array_remove(o.supporting, o.lead);
    else
        departments := o.lead || array(select distinct u.department
                                       from (select unnest(o.supporting) as department
                                             union all
                                             select r.lead
                                             from unnest(also) a
                                             cross join lateral minqing.routes_of(a, null, p.area, p.severity) r) u
                                       where u.department <> o.lead);
    end if;
    dues := minqing.deadlines(now_at, array[o.sign_minutes, o.handle_minutes, (o.sign_minutes * share)::integer], array[o.clock, o.clock, o.clock]);
    if o.clock not in ('hours', 'working_hours') then
        dues[3] := now_at + (dues[1] - now_at) * share;
    end if;

    said := minqing.opened_data(minqing.wire_time(now_at), p.domain, p.kind, also, p.severity, o.restricted, o.level, o.lead, departments[2:],
                                minqing.wire_time(dues[1]), minqing.wire_time(dues[2]));
    if p_account is not null then
        who := (select a.person from minqing.accounts a where a.account = p_account);
    end if;

    with counted as (
        insert into minqing.case_counters as k (town, day, last) values (p.town, today, 1)
        on conflict on constraint case_counters_pkey do update set last = k.last + 1
        returning k.last
    ),
    made as (
        insert into minqing.cases (id, number, town, year, state, domain, kind, also, severity, restricted, area, location, opened_at,
                                   assigned_at, sign_by, handle_by, sign_minutes, handle_minutes, clock, lead, level, first_report,
                                   disagrees, has_subject)
        select p."case", o.short_name || '-' || to_char(today, 'MMDD') || '-' || to_char(c.last, 'FM999000'), p.town, extract(year from today), 'assigned',
               p.domain, p.kind, also, p.severity, o.restricted, p.area, p.location, now_at, now_at, dues[1], dues[2], o.sign_minutes, o.handle_minutes,
               o.clock, o.lead, o.level, p.report, p.disagrees, p.has_subject
        from counted c
    ),
    joined as (
        insert into minqing.joinable ("case", town, village, domain, kind, severity, restricted, touching, place, spot, opened_at, observed_from,
                                      observed_to, words)
        values (p."case", p.town, left(p.area, 12), p.domain, p.kind, p.severity, o.restricted, p.severity < 4 and also <> '{}', p.place,
                p.spot, now_at, p.at, p.at, p.words)
    ),
    attached as (
        insert into minqing.case_reports (report, "case", added_at, account) values (p.report, p."case", now_at, p.account)
    ),
    assigned as (
        insert into minqing.assignments ("case", department, role, joint, assigned_at)
        select p."case", d, case when d = o.lead then 'lead' else 'supporting' end, d = o.lead, now_at from unnest(departments) d
    ),
    watched as (
        insert into minqing.timers ("case", chain, step, due_at)
        select p."case", 'sign', 'remind', dues[3]
        union all
        select p."case", 'call_out', 'again', now_at + make_interval(mins => o.call_out_minutes) where o.call_out_minutes is not null
    ),
    audiences as (
        select case when o.restricted then 2 else 1 end as topic,
               array_remove(departments, 'command_centre')
                   || case when not o.restricted and (p.severity = 4 or o.lead = 'command_centre') then array['command_centre'] end as departments
        union all
        select 1, array['command_centre'] where o.restricted
    ),
    told as (
        insert into minqing.announcements (ref, topic, audience, scope, version, targets)
        select p."case", a.topic, '', '', 1,
               array(select d || '/' || p.town from unnest(a.departments) d)
                   || array(select distinct d.department || '/' || d.area from minqing.accounts d
                            where d.department = any(a.departments) and d.area = left(p.area, 12) and length(d.area) = 12 and not d.locked)
        from audiences a
        where a.departments <> '{}'
        union all
        select p."case", 4, d.account, '', 1, null from minqing.accounts d where d.account = p.account and d.role = 'device'
    )
    insert into minqing.case_events (ref, "case", report, at, what, actor, account, person, message, version, state, data)
    values (p."case", p."case", p.report, now_at, 'opened', case when p_account is null then 'engine' else 'command' end, p_account, who, p_message, 1,
            'assigned', case when p_data is null then said else p_data || said end)
    returning id into event;
    return event;
end
$$;

-- Opens one case for each report. Out: the events.
create or replace function open_cases(p placement[], p_account text, p_message uuid, p_data jsonb)
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    now_at timestamptz := minqing.now();
    today date := minqing.local_time_of(now_at)::date;
    share float8 := coalesce(minqing.setting('remind_share')::float8, 0.667);
    who bigint;
    at_wire text := minqing.wire_time(now_at);
begin
    if p_account is not null then
        who := (select a.person from minqing.accounts a where a.account = p_account);
    end if;
    return query
    with routed as materialized (
        -- only what is needed below: every step copies it. Deadlines as deadlines_of, the level as first_level.
        select i.report, i."case", i.domain, i.kind, i.severity, i.account, i.area, i.town, i.location, i.place, i.spot, i.at, i.words,
               i.has_subject, i.disagrees, i.traceparent, h.also, r.lead, r.restricted, g.call_out_minutes,
               c.sign_minutes, c.handle_minutes, c.clock, c.sign_minutes || c.clock as sign_key, c.handle_minutes || c.clock as handle_key,
               case when i.severity <= 2 and exists (select from minqing.accounts a
                                                     where a.department = r.lead and a.area = left(i.area, 12) and not a.locked)
                    then 'village' else 'town' end as level,
               -- with the leads of the other domains that the report touches; never where the kind is restricted
               case when h.also = '{}' or r.restricted then array_remove(r.supporting, r.lead)
                    else array(select distinct u.department
                               from (select unnest(r.supporting) as department
                                     union all
                                     select o.lead
                                     from unnest(h.also) a
                                     cross join lateral minqing.routes_of(a, null, i.area, i.severity) o) u
                               where u.department <> r.lead) end as supporting
        from unnest(p) i
        left join lateral minqing.routes_of(i.domain, i.kind, i.area, i.severity) r on true
        left join minqing.severities g on g.severity = i.severity
        cross join lateral (select array_remove(i.hints, i.domain) as also) h
        cross join lateral (select i.severity > r.default_severity and g.sign_minutes is not null as graver) v
        cross join lateral (select case when v.graver then least(r.sign_minutes, g.sign_minutes) else r.sign_minutes end as sign_minutes,
                                   case when v.graver then least(r.handle_minutes, g.handle_minutes) else r.handle_minutes end as handle_minutes,
                                   case when v.graver then 'hours' else r.clock end as clock) c
        where not exists (select from minqing.cases c where c.id = i."case")
    ),
    -- few different ones in a batch: counted out together, and found by their place
    periods as materialized (
        select d.keys, d.dues, array(select minqing.wire_time(u) from unnest(d.dues) u) as wires
        from (select array_agg(u.minutes || u.clock) as keys, minqing.deadlines(now_at, array_agg(u.minutes), array_agg(u.clock)) as dues
              from (select r.sign_minutes as minutes, r.clock from routed r
                    union
                    select r.handle_minutes, r.clock from routed r
                    union
                    select (r.sign_minutes * share)::integer, r.clock from routed r where r.clock in ('hours', 'working_hours')) u offset 0) d
    ),
    counted as (
        insert into minqing.case_counters as k (town, day, last)
        select r.town, today, count(*) from routed r group by r.town order by r.town
        on conflict (town, day) do update set last = k.last + excluded.last
        returning k.town, k.last
    ),
    counters as materialized (
        select array_agg(c.town) as towns, array_agg(c.last) as lasts from counted c
    ),
    numbered as materialized (
        select r.*, t.short_name || '-' || to_char(today, 'MMDD') || '-'
                    || to_char(c.lasts[array_position(c.towns, r.town)] + 1 - row_number() over (partition by r.town order by r.report desc), 'FM999000') as number,
               d.dues[s.n] as sign_by, d.wires[s.n] as sign_wire, d.dues[s.h] as handle_by, d.wires[s.h] as handle_wire,
               case when r.clock in ('hours', 'working_hours') then d.dues[array_position(d.keys, (r.sign_minutes * share)::integer || r.clock)]
                    else now_at + (d.dues[s.n] - now_at) * share end as remind
        from routed r
        cross join counters c
        cross join periods d
        cross join lateral (select array_position(d.keys, r.sign_key) as n, array_position(d.keys, r.handle_key) as h offset 0) s
        join minqing.areas t on t.code = r.town
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
        select d."case", d.department, case when d.department = d.lead then 'lead' else 'supporting' end, d.department = d.lead, now_at
        from (select n."case", n.lead, unnest(n.lead || n.supporting) as department from numbered n) d
    ),
    -- as schedule_case does for one
    watched as (
        insert into minqing.timers ("case", chain, step, due_at)
        select n."case", 'sign', 'remind', n.remind from numbered n
        union all
        select n."case", 'call_out', 'again', now_at + make_interval(mins => n.call_out_minutes)
        from numbered n
        where n.call_out_minutes is not null
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
    said as materialized (
        select n."case", n.report, n.traceparent,
               minqing.opened_data(at_wire, n.domain, n.kind, n.also, n.severity, n.restricted, n.level, n.lead, n.supporting, n.sign_wire,
                                   n.handle_wire) as data
        from numbered n
        order by n."case"
    ),
    events as (
        insert into minqing.case_events (ref, "case", report, at, what, actor, account, person, message, version, state, data)
        select s."case", s."case", s.report, now_at, 'opened', case when p_account is null then 'engine' else 'command' end, p_account,
               who, p_message, 1, 'assigned', case when p_data is null then s.data else p_data || s.data end
        from said s
        returning case_events.id, case_events.ref
    )
    -- both in the order of the cases: no need to look for each other's rows
    select u.*
    from (select array_agg(e.id order by e.ref) as events, array_agg(e.ref order by e.ref) as refs,
                 (select array_agg(s.traceparent) from said s) as traces
          from events e) o
    cross join lateral unnest(o.events, o.refs, o.traces) u;
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
    towns text[];
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
    if cardinality(p) = 1 then
        if targets = still_open then
            joining := p;
            theirs := targets;
        elsif (p[1]).sure then
            opening := p;
            critical := (p[1]).severity = 4;
        else
            unsure := p;
        end if;
    else
        select array_agg(p[n] order by p[n].at, p[n].report) filter (where not t.fits and p[n].sure),
               bool_or(not t.fits and p[n].sure and p[n].severity = 4),
               array_agg(p[n] order by p[n].report) filter (where not t.fits and not p[n].sure),
               array_agg(p[n] order by p[n].report) filter (where t.fits), array_agg(targets[n] order by p[n].report) filter (where t.fits)
        into opening, critical, unsure, joining, theirs
        from generate_subscripts(p, 1) n
        cross join lateral (select coalesce(targets[n] = any(still_open), false) as fits) t;
    end if;

    if opening is not null then
        opened := array[(opening[1])."case"];
        towns := array[(opening[1]).town];
        if cardinality(opening) > 1 then
            leaders := minqing.cluster(opening);
            select array_agg(opening[n] order by n) filter (where leaders[n] <> n),
                   array_agg(opening[leaders[n]]."case" order by n) filter (where leaders[n] <> n),
                   -- numbers go by report
                   array_agg(opening[n] order by opening[n].report) filter (where leaders[n] = n),
                   array_agg(opening[n]."case" order by opening[n].report) filter (where leaders[n] = n),
                   array_agg(distinct opening[n].town),
                   bool_or(opening[n].severity = 4) filter (where leaders[n] = n)
            into followers, led, opening, opened, towns, critical
            from generate_subscripts(leaders, 1) n;
        end if;
        if cardinality(opening) = 1 then
            event := minqing.open_case(opening[1], p_account, p_message, null);
            ref := opened[1];
            traceparent := (opening[1]).traceparent;
            if event is not null then
                return next;
            end if;
        else
            return query select o.event, o.ref, o.traceparent from minqing.open_cases(opening, p_account, p_message, null) o;
        end if;
        joining := joining || followers;
        theirs := theirs || led;
        -- what nobody was sure of may be of a case that only now is there: of its town, and of its domain unless it is critical
        if unsure is not null then
            unsure := (select array_agg(u order by u.report) from unnest(unsure) u
                       where exists (select from unnest(opening) o where o.town = u.town and (o.domain = u.domain or o.severity = 4)));
        end if;
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
        if exists (select from minqing.reviews r where r.town = any(towns) and r.state = 'waiting') then
            return query select a.event, a.ref, a.traceparent from minqing.absorb_reviews(opened) a;
        end if;
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
    from (select distinct on (u.report) u.* from unnest(p_reports, p_cases) as u (report, "case") order by u.report) i
    join minqing.classifications c on c.report = i.report
    cross join lateral minqing.placed(i.report, i."case", case when c.review then c.model_domain else c.domain end,
                                      case when c.review then null else c.kind end, c.severity,
                                      case when c.review then c.also || array_remove(array[c.because #>> '{runner_up,domain}'], null) else c.also end,
                                      not c.review, c.words, c.disagrees) w
    where not exists (select from minqing.reviews v where v.report = i.report);
    return query select o.event, o.ref, o.traceparent from minqing.place_reports(placed, null, null) o;
    if doubtful then
        return query select o.event, o.ref, o.traceparent from minqing.open_reviews(placed) o;
    end if;
end
$$;

-- Rights ------------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant execute on function routes_of(text, text, text, smallint),
    placed(uuid, uuid, text, text, smallint, text[], boolean, integer[], boolean),
    opened_data(text, text, text, text[], smallint, boolean, text, text, text[], text, text), open_case(placement, text, uuid, jsonb)
    to minqing_dispatcher;
grant select on join_reaches to minqing_dispatcher, minqing_reader, minqing_test;
