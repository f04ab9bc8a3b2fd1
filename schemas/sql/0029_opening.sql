-- Opening cases: what a kind of report in an area becomes is kept ready in one row, what nobody needs is no longer written to indexes or
-- checked, and what few cases have is looked for only where somebody has it. Takes the place of placed, open_case, open_cases and
-- place_reports of 0024, and of announce_cases and join_cases of 0019.
set search_path = minqing, public;

-- Indexes and checks --------------------------------------------------------------------------------------------------

-- A number is unique with town and year, and is looked up by itself: one index for both.
alter table cases drop constraint cases_town_year_number_key, add unique (number, town, year);
drop index cases_number;

-- All parts of a department; a part of one case is found by the case. Equal keys lie in one list and new ones at its end, where case ids
-- went all over the index.
drop index assignments_department;
create index assignments_department on assignments (department);

-- Both are ids of cases that the same transaction has locked, and looked at by each case that opens, which has neither.
alter table cases drop constraint cases_merged_into_fkey, drop constraint cases_split_from_fkey;

-- As in 0026: looked up by the statement that opens the review, and never deleted.
alter table reviews drop constraint reviews_report_fkey;

-- Elements ------------------------------------------------------------------------------------------------------------

-- Not immutable, since the text of an id is not: only so does PostgreSQL put them into the statement, instead of planning each call.
alter function classified_element(uuid, text) stable;
alter function dispatched_element(bigint, uuid, text) stable;
alter function answered_element(uuid, text, text) stable;

-- Ways ----------------------------------------------------------------------------------------------------------------

create table ways (
    domain           text not null,
    kind             text not null,
    severity         smallint not null,
    area             text not null,
    lead             text not null,
    supporting       text[] not null,
    restricted       boolean not null,
    sign_minutes     integer not null,
    handle_minutes   integer not null,
    clock            text not null,
    call_out_minutes integer,
    kind_restricted  boolean not null,
    east             float8 not null,
    metres           integer not null,
    within           interval,
    overlap          real,
    primary key (domain, kind, severity, area)
);
comment on table ways is 'What becomes of a report, by domain, kind (empty: none), severity and the longest area prefix that has a row. Made from routes, severities, kinds, domains and join_rules by triggers.';
comment on column ways.supporting is 'In order, each once, without the lead.';
comment on column ways.clock is 'sign_minutes, handle_minutes and clock as deadlines_of has them.';
comment on column ways.east is 'As shift_of. metres, within, overlap: how far the widest of its join_rules goes, and how little likeness of words the laxest wants.';

create function make_ways() returns void language sql as
$$
    delete from minqing.ways;
    insert into minqing.ways (domain, kind, severity, area, lead, supporting, restricted, sign_minutes, handle_minutes, clock, call_out_minutes,
                              kind_restricted, east, metres, within, overlap)
    select d.code, k.code, s.severity, a.area, r.lead, array_remove(r.supporting, r.lead), r.restricted, t.sign_minutes, t.handle_minutes, t.clock,
           s.call_out_minutes, coalesce(k.restricted, e.restricted, false), d.position * 1e8, coalesce(j.metres, 0), j.within, j.overlap
    from minqing.domains d
    cross join lateral (select '' as code, null::boolean as restricted
                        union all
                        select n.code, n.restricted from minqing.kinds n where n.domain = d.code) k
    cross join minqing.severities s
    cross join lateral (select '' as area union select o.area from minqing.routes o where o.domain = d.code) a
    cross join lateral minqing.routes_of(d.code, nullif(k.code, ''), a.area, s.severity) r
    cross join lateral minqing.deadlines_of(r, s.severity) t
    left join minqing.routes e on e.domain = d.code and e.kind is null and e.area = '' and e.severity is null
    left join lateral (select max(u.metres) as metres, make_interval(mins => max(u.minutes)) as within, min(u.overlap) as overlap
                       from minqing.join_rules u
                       where u.mine = minqing.join_key(d.code, nullif(k.code, ''), s.severity)) j on true
$$;

create function keep_ways() returns trigger language plpgsql security definer set search_path = minqing, public, pg_temp as
$$
begin
    perform minqing.make_ways();
    return null;
end
$$;
create trigger keep_ways after insert or update or delete or truncate on routes for each statement execute function keep_ways();
create trigger keep_ways after insert or update or delete or truncate on severities for each statement execute function keep_ways();
create trigger keep_ways after insert or update or delete or truncate on kinds for each statement execute function keep_ways();
create trigger keep_ways after insert or update or delete or truncate on domains for each statement execute function keep_ways();
create trigger keep_ways after insert or update or delete or truncate on join_rules for each statement execute function keep_ways();
select make_ways();

-- The way of one report: as route_of and deadlines_of. A kind of another domain is none. In SQL, so that the planner puts it into the
-- statement that calls it.
create function ways_of(p_domain text, p_kind text, p_area text, p_severity smallint) returns setof ways language sql stable as
$$
    select w.*
    from minqing.ways w
    where w.domain = p_domain and w.kind = case when split_part(p_kind, '.', 1) = p_domain then p_kind else '' end and w.severity = p_severity
      and w.area <= p_area and starts_with(p_area, w.area)
    order by w.area desc
    limit 1
$$;

drop trigger keep_join_reaches on join_rules;
drop function keep_join_reaches();

create or replace function placed(p_report uuid, p_case uuid, p_domain text, p_kind text, p_severity smallint, p_hints text[], p_sure boolean,
                                  p_words integer[], p_disagrees boolean) returns setof placement language sql stable as
$$
    select p_report, p_case, p_domain, p_kind, p_severity, p_hints, p_sure, r.account, r.area, r.town, r.location, f.accuracy, r.area_from <> 'home',
           least(r.observed_at, r.received_at), coalesce(w.kind_restricted, false), coalesce(p_words, '{}'), r.subject_key is not null,
           coalesce(p_disagrees, false), r.traceparent, f.place, f.place + point(w.east, 0), minqing.stretch(f.place), f.accuracy + coalesce(w.metres, 0),
           w.within, w.overlap
    from minqing.reports r
    -- a fix that is off by more says next to nothing
    cross join lateral (select least(coalesce((r.location_given ->> 'accuracy_m')::float8, 0), 500) as accuracy, minqing.flat(r.location) as place offset 0) f
    left join minqing.ways w on w.domain = p_domain and w.kind = case when split_part(p_kind, '.', 1) = p_domain then p_kind else '' end
                                and w.severity = p_severity and w.area = ''
    where r.id = p_report and not exists (select from minqing.case_reports m where m.report = p_report)
$$;
drop table join_reaches;

-- Desks ---------------------------------------------------------------------------------------------------------------

-- Few villages have desks of their own: one look tells whether there is any.
create index accounts_village_desks on accounts (area) where department is not null and length(area) = 12 and not locked;

create function has_desk(p_department text, p_village text) returns boolean language plpgsql stable as
$$ begin return exists (select from minqing.accounts a where a.department = p_department and a.area = p_village and not a.locked); end $$;

-- The desks of departments in a town, as announcements.targets names them.
create function town_desks(p_departments text[], p_town text) returns text[] language sql stable as
$$ select string_to_array(array_to_string(p_departments, '/' || p_town || ' ') || '/' || p_town, ' ') $$;

-- And those that they have in a village of it.
create function desks_in(p_departments text[], p_town text, p_village text) returns text[] language plpgsql stable as
$$
begin
    return minqing.town_desks(p_departments, p_town)
           || array(select distinct d.department || '/' || d.area
                    from minqing.accounts d
                    where d.department = any(p_departments) and d.area = p_village and length(d.area) = 12 and not d.locked);
end
$$;

-- Supporting departments with the leads of other domains that a report touches, each once and in order, without the lead.
create function with_leads(p_lead text, p_supporting text[], p_also text[], p_area text, p_severity smallint) returns text[] language plpgsql stable as
$$
begin
    return array(select distinct u.department
                 from (select unnest(p_supporting) as department
                       union all
                       select w.lead from unnest(p_also) a cross join lateral minqing.ways_of(a, null, p_area, p_severity) w) u
                 where u.department <> p_lead
                 order by u.department);
end
$$;

-- Opening -------------------------------------------------------------------------------------------------------------

-- Opens the case of one report, as open_cases does: at low rates a report comes alone, and the statement for many takes longer to start
-- than all that it does for one. Out: the event, null where the case is there already.
create or replace function open_case(p placement, p_account text, p_message uuid, p_data jsonb) returns bigint language plpgsql as
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
    select w.lead, w.restricted, w.supporting, w.sign_minutes, w.handle_minutes, w.clock, w.call_out_minutes, t.short_name, v.has_desks,
           case when p.severity <= 2 and v.has_desks and minqing.has_desk(w.lead, left(p.area, 12)) then 'village' else 'town' end as level
    into o
    from minqing.areas t
    left join lateral minqing.ways_of(p.domain, p.kind, p.area, p.severity) w on true
    cross join lateral (select exists (select from minqing.accounts a
                                              where a.area = left(p.area, 12) and a.department is not null and length(a.area) = 12 and not a.locked)
                                       as has_desks offset 0) v
    where t.code = p.town and not exists (select from minqing.cases c where c.id = p."case");
    if not found then
        return null;
    end if;
    departments := o.lead || case when also = '{}' or o.restricted then o.supporting
                                  else minqing.with_leads(o.lead, o.supporting, also, p.area, p.severity) end;
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
               case when o.has_desks then minqing.desks_in(a.departments, p.town, left(p.area, 12)) else minqing.town_desks(a.departments, p.town) end
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
        -- only what is needed below: every step copies it. The level as first_level.
        select i.report, i."case", i.domain, i.kind, i.severity, i.account, i.area, i.town, i.location, i.place, i.spot, i.at, i.words,
               i.has_subject, i.disagrees, i.traceparent, h.also, w.lead, w.restricted, w.call_out_minutes,
               w.sign_minutes, w.handle_minutes, w.clock, w.sign_minutes || w.clock as sign_key, w.handle_minutes || w.clock as handle_key,
               case when i.severity <= 2 and v.has_desks and minqing.has_desk(w.lead, left(i.area, 12)) then 'village' else 'town' end as level,
               case when h.also = '{}' or w.restricted then w.supporting
                    else minqing.with_leads(w.lead, w.supporting, h.also, i.area, i.severity) end as supporting, v.has_desks
        from unnest(p) i
        left join lateral minqing.ways_of(i.domain, i.kind, i.area, i.severity) w on true
        cross join lateral (select array_remove(i.hints, i.domain) as also) h
        cross join lateral (select exists (select from minqing.accounts a
                                              where a.area = left(i.area, 12) and a.department is not null and length(a.area) = 12 and not a.locked)
                                       as has_desks offset 0) v
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
        select array_agg(c.town) as towns, array_agg(c.last) as lasts, array_agg(t.short_name) as names
        from counted c join minqing.areas t on t.code = c.town
    ),
    numbered as materialized (
        select r.*, c.names[s.t] || '-' || to_char(today, 'MMDD') || '-'
                    || to_char(c.lasts[s.t] + 1 - row_number() over (partition by r.town order by r.report desc), 'FM999000') as number,
               d.dues[s.n] as sign_by, d.wires[s.n] as sign_wire, d.dues[s.h] as handle_by, d.wires[s.h] as handle_wire,
               case when r.clock in ('hours', 'working_hours') then d.dues[array_position(d.keys, (r.sign_minutes * share)::integer || r.clock)]
                    else now_at + (d.dues[s.n] - now_at) * share end as remind
        from routed r
        cross join counters c
        cross join periods d
        cross join lateral (select array_position(d.keys, r.sign_key) as n, array_position(d.keys, r.handle_key) as h,
                                   array_position(c.towns, r.town) as t offset 0) s
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
               n.town, left(n.area, 12) as village, n.has_desks
        from numbered n
        union all
        select n."case", 1, array['command_centre'], n.town, left(n.area, 12), n.has_desks from numbered n where n.restricted
    ),
    told as (
        insert into minqing.announcements (ref, topic, audience, scope, version, targets)
        select a."case", a.topic, '', '', 1,
               case when a.has_desks then minqing.desks_in(a.departments, a.town, a.village) else minqing.town_desks(a.departments, a.town) end
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

-- Placing --------------------------------------------------------------------------------------------------------------

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
    alone boolean := true;
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
            opened := array[(p[1])."case"];
            towns := array[(p[1]).town];
            critical := (p[1]).severity = 4;
        else
            unsure := p;
        end if;
    else
        select array_agg(p[n] order by p[n].at, p[n].report) filter (where not t.fits and p[n].sure),
               array_agg(p[n]."case" order by p[n].at, p[n].report) filter (where not t.fits and p[n].sure),
               array_agg(distinct p[n].town) filter (where not t.fits and p[n].sure),
               count(*) filter (where not t.fits and p[n].sure) = count(distinct p[n].town || p[n].domain) filter (where not t.fits and p[n].sure),
               bool_or(not t.fits and p[n].sure and p[n].severity = 4),
               array_agg(p[n] order by p[n].report) filter (where not t.fits and not p[n].sure),
               array_agg(p[n] order by p[n].report) filter (where t.fits), array_agg(targets[n] order by p[n].report) filter (where t.fits)
        into opening, opened, towns, alone, critical, unsure, joining, theirs
        from generate_subscripts(p, 1) n
        cross join lateral (select coalesce(targets[n] = any(still_open), false) as fits) t;
    end if;

    if opening is not null then
        -- only reports of one town and domain can be of the same thing
        if not alone then
            leaders := minqing.cluster(opening);
            select array_agg(opening[n] order by n) filter (where leaders[n] <> n),
                   array_agg(opening[leaders[n]]."case" order by n) filter (where leaders[n] <> n),
                   array_agg(opening[n] order by n) filter (where leaders[n] = n),
                   array_agg(opening[n]."case" order by n) filter (where leaders[n] = n),
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
        -- a look around each of a few costs less than absorb_reviews, which finds something near any of many
        if (case when cardinality(opening) > 16 then exists (select from minqing.reviews r where r.town = any(towns) and r.state = 'waiting')
                else exists (select
                             from unnest(opening) o
                             where exists (select from minqing.reviews r
                                           where r.state = 'waiting' and r.place <@ minqing.square(o.place, o.reach * o.stretch) and r.town = o.town)
                                or o.overlap = 0
                                   and exists (select from minqing.reviews r
                                               where r.state = 'waiting' and r.town = o.town and (r.place is null or o.place is null))) end) then
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

-- Announcing -----------------------------------------------------------------------------------------------------------

-- As in 0019, but that "offset 0" keeps the look at what is live a look-up of the case: after a year of closed cases the planner takes hardly
-- anything to be live, and had all that is read through at each case that somebody joined.
-- Brings the announcements of cases to their present version: every department that has a part, in its town, in the village where it
-- has a desk of its own, and from the level on to which the case was escalated; the command centre where it has something to do or must
-- know at once; with p_tells those who reported.
create or replace function announce_cases(p_cases uuid[], p_tells boolean) returns void language plpgsql as
$$
begin
    with changed as materialized (
        select c.*, case when c.restricted then 2 else 1 end as topic, c.state in ('closed', 'refused', 'merged') as ended
        from minqing.cases c
        where c.id = any(p_cases)
    ),
    audiences as materialized (
        select c.id, c.version, c.ended, c.town, c.area, c.level, c.topic, a.department as audience
        from changed c
        cross join lateral (select p.* from minqing.assignments p where p."case" = c.id offset 0) a
        where a.ended_at is null and a.department <> 'command_centre'
        union all
        select c.id, c.version, c.ended, c.town, c.area, c.level, 1, 'command_centre'
        from changed c
        -- who was told once hears to the end
        left join lateral (select exists (select from unnest(a.targets) t where starts_with(t, 'command_centre/')) as before
                           from minqing.announcements a
                           where a.ref = c.id and a.topic = 1 and a.live
                           offset 0) t on true
        where c.severity = 4 or c.restricted or c.lead = 'command_centre' or c.level in ('county', 'city') or c.request is not null
           or c.state in ('resolved', 'verified') or t.before
    ),
    wanted as materialized (
        select w.id, w.version, w.ended, w.topic, array_agg(distinct w.audience || '/' || w.scope) as targets
        from (
            select a.id, a.version, a.ended, a.topic, a.audience, a.town as scope from audiences a
            union all
            select a.id, a.version, a.ended, a.topic, a.audience, left(a.town, s.digits)
            from audiences a join (values ('county', 6), ('city', 6), ('city', 4)) s (level, digits) on s.level = a.level
            union all
            select a.id, a.version, a.ended, a.topic, a.audience, left(a.area, 12)
            from audiences a
            where length(a.area) >= 12
              and exists (select from minqing.accounts d where d.department = a.audience and d.area = left(a.area, 12) and not d.locked)
        ) w
        group by w.id, w.version, w.ended, w.topic
    ),
    before as materialized (
        select a.*, w.targets as stay, c.version as now_version
        from changed c
        cross join lateral (select n.* from minqing.announcements n where n.ref = c.id and n.topic in (1, 2) and n.targets is not null offset 0) a
        left join wanted w on w.id = a.ref and w.topic = a.topic
    ),
    -- desks that are no longer on the case, or may no longer read it, get its end, each alone where others stay
    gone as (
        insert into minqing.announcements as a (ref, topic, audience, scope, version, published_version, live, ended_at)
        select b.ref, b.topic, split_part(t.target, '/', 1), split_part(t.target, '/', 2), case when b.live then b.now_version else b.version end,
               b.published_version, false, case when b.live then minqing.now() else b.ended_at end
        from before b cross join lateral unnest(b.targets) t (target)
        where t.target <> all(b.stay)
        order by 1, 2, 3, 4
        on conflict on constraint announcements_pkey do update
        set version = excluded.version, live = false, ended_at = excluded.ended_at, waiting = false
    ),
    over as (
        update minqing.announcements a
        set version = b.now_version, live = false, ended_at = minqing.now(), waiting = false
        from before b
        where b.stay is null and b.live and a.ref = b.ref and a.topic = b.topic and a.audience = '' and a.scope = ''
    ),
    -- who had left, and is on the case again
    back as (
        delete from minqing.announcements a
        using wanted w
        where a.ref = w.id and a.topic = w.topic and a.targets is null and a.audience || '/' || a.scope = any(w.targets)
    )
    insert into minqing.announcements as a (ref, topic, audience, scope, version, live, ended_at, targets)
    select w.id, w.topic, '', '', w.version, not w.ended, case when w.ended then minqing.now() end, w.targets
    from wanted w
    order by 1, 2
    on conflict on constraint announcements_pkey do update
    set version = excluded.version, live = excluded.live, ended_at = excluded.ended_at, waiting = false, targets = excluded.targets,
        published_version = case when a.targets @> excluded.targets then a.published_version else least(a.published_version, excluded.version - 1) end;

    if p_tells then
        insert into minqing.announcements as a (ref, topic, audience, scope, version)
        select distinct c.id, 4, m.account, '', c.version
        from minqing.cases c
        cross join lateral (select k.account from minqing.case_reports k where k."case" = c.id offset 0) m
        join minqing.accounts o on o.account = m.account and o.role = 'device'
        where c.id = any(p_cases)
        order by 1, 3
        on conflict on constraint announcements_pkey do update set version = excluded.version, waiting = false;
    end if;
end
$$;

-- As in 0019, but that what is live is said so that the planner does not see the index of it, for the same reason.
-- Adds reports to the open cases that they fit. In: the placements and, in the same order, their cases, whose rows this transaction has
-- locked. Out: the events.
create or replace function join_cases(p placement[], p_cases uuid[], p_account text, p_message uuid)
returns table (event bigint, ref uuid, traceparent text) language plpgsql set enable_hashjoin = on as
$$
declare
    now_at timestamptz := minqing.now();
    who bigint := (select a.person from minqing.accounts a where a.account = p_account);
    graver record;
    raising bigint;
begin
    return query
    with input as materialized (
        select i.report, i."case", i.account, i.location, i.at, i.words, i.has_subject, i.traceparent,
               row_number() over (partition by i."case" order by i.at, i.report)::integer as n
        from unnest(p, p_cases) as i (report, own_case, domain, kind, severity, hints, sure, account, area, town, location, accuracy,
                                                          place_given, at, restricted, words, has_subject, disagrees, traceparent, place, spot, stretch,
                                                          reach, within, overlap, "case")
    ),
    attached as (
        insert into minqing.case_reports (report, "case", added_at, account)
        select i.report, i."case", now_at, i.account from input i order by i.report
        on conflict on constraint case_reports_pkey do nothing
    ),
    -- of a case: what its new reports add, so that nothing below has to look for them again
    totals as materialized (
        select i."case", count(*)::integer as n, min(i.at) as first, max(i.at) as last, bool_or(i.has_subject) as has_subject,
               (array_agg(i.location order by i.n) filter (where i.location is not null))[1] as location,
               minqing.together(i.words) filter (where i.n <= 15) as words,
               array_agg(distinct i.account) as accounts, array_agg(i.report order by i.n) as reports, array_agg(i.traceparent order by i.n) as traces
        from input i group by i."case"
    ),
    changed as (
        update minqing.cases c
        set version = c.version + t.n, report_count = c.report_count + t.n, location = coalesce(c.location, t.location),
            has_subject = c.has_subject or t.has_subject
        from totals t
        where c.id = t."case"
        returning c.id, c.version, c.state, c.report_count, t.n, t.accounts, t.reports, t.traces
    ),
    widened as (
        update minqing.joinable j
        set observed_from = least(j.observed_from, t.first), observed_to = greatest(j.observed_to, t.last),
            words = case when icount(j.words) < 400 then uniq(sort(j.words || t.words)) else j.words end
        from totals t
        where j."case" = t."case"
          and (t.first < j.observed_from or t.last > j.observed_to or icount(j.words) < 400 and icount(t.words - j.words) > 0)
    ),
    events as (
        insert into minqing.case_events (ref, "case", report, at, what, actor, account, person, message, version, state, data)
        select c.id, c.id, i.report, now_at, 'joined', case when p_account is null then 'engine' else 'command' end, p_account, who, p_message,
               c.version - c.n + i.n, c.state, jsonb_build_object('set', jsonb_build_object('report_count', c.report_count - c.n + i.n))
        from changed c cross join lateral unnest(c.reports) with ordinality as i (report, n)
        order by c.id, i.n
        returning case_events.id, case_events.ref, case_events.report
    ),
    told as (
        update minqing.announcements a
        set version = c.version
        from changed c
        where a.ref = c.id and a.topic in (1, 2) and a.live::integer = 1
    ),
    answered as (
        insert into minqing.announcements as a (ref, topic, audience, scope, version)
        select c.id, 4, i.account, '', c.version
        from changed c
        cross join lateral unnest(c.accounts) i (account)
        join minqing.accounts o on o.account = i.account and o.role = 'device'
        order by 1, 3
        on conflict on constraint announcements_pkey do update set version = excluded.version, waiting = false
    )
    select e.id, e.ref, i.traceparent from events e join input i on i.report = e.report order by e.id;

    for graver in
        select s."case", s.severity, s.also, s.report, s.traceparent
        from (
            select i."case", max(i.severity) as severity, array_agg(distinct i.domain) as also, (array_agg(i.report))[1] as report,
                   (array_agg(i.traceparent))[1] as traceparent
            from unnest(p, p_cases) as i (report, own_case, domain, kind, severity, hints, sure, account, area, town, location, accuracy,
                                                              place_given, at, restricted, words, has_subject, disagrees, traceparent, place, spot, stretch,
                                                              reach, within, overlap, "case")
            where i.sure
            group by i."case"
        ) s
        join minqing.cases c on c.id = s."case"
        where s.severity > c.severity or not s.also <@ (c.also || c.domain)
        order by s."case"
    loop
        raising := minqing.raise_case(graver."case", graver.severity, graver.also, graver.report);
        if raising is not null then
            return query select raising, graver."case", graver.traceparent;
        end if;
    end loop;
end
$$;

-- Rights --------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant select on ways to minqing_dispatcher, minqing_reader, minqing_test;
grant execute on function ways_of(text, text, text, smallint), has_desk(text, text), town_desks(text[], text),
    desks_in(text[], text, text), with_leads(text, text[], text[], text, smallint) to minqing_dispatcher;
