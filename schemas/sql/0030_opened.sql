-- What is to be told of a case just opened goes to the notifier with its event, of what is at hand where it is opened: the notifier need not
-- look up again what was stored a moment ago. Takes the place of open_case, open_cases and place_reports of 0029 and of dispatch of 0024.
set search_path = minqing, public;

-- Elements -------------------------------------------------------------------------------------------------------------

-- The parts of a case just opened, as case_text has them.
create function opened_parts(p_lead text, p_supporting text[]) returns text language plpgsql stable as
$$
begin
    return (select '[' || string_agg(concat('{"department":"', d.code, '","department_name":', minqing.quoted(d.name_zh), ',"role":"',
                                            case when d.code = p_lead then 'lead' else 'supporting' end, '","state":"assigned","joint":',
                                            minqing.yes_no(d.code = p_lead), '}'), ',' order by d.code <> p_lead, d.code) || ']'
            from minqing.departments d
            where d.code = p_lead or d.code = any(p_supporting));
end
$$;

-- What goes with the event of a case just opened: a member of its element, with a comma before it; services/notifier/opened.h names its
-- members in this order. q_: as JSON has it, with its quotation marks. p_way: see ways.told. q_text: what the desks may read of the report.
create function opened_member(q_number text, p_way text, p_parts text, p_also text[], p_disagrees boolean, p_level text, q_area_name text,
                              q_town_name text, q_at text, q_sign_by text, q_handle_by text, p_has_subject boolean, p_by text, r reports, q_text text)
returns text language sql stable as
$$
    select concat(',"opened":{"number":', q_number, ',', p_way, ',"parts":', p_parts, ',"also":', case when p_also = '{}' then '[]' else to_json(p_also)::text end,
        ',"disagrees":', minqing.yes_no(p_disagrees), ',"level":"', p_level, '","area":"', r.area, '","area_name":', q_area_name,
        ',"town":"', r.town, '","town_name":', q_town_name,
        ',"location":', case when r.location is null then 'null'
                        else concat('{"lat":', st_y(r.location::geometry), ',"lon":', st_x(r.location::geometry), ',"datum":"wgs84"}') end,
        ',"at":', q_at, ',"sign_by":', q_sign_by, ',"handle_by":', q_handle_by, ',"has_subject":', minqing.yes_no(p_has_subject),
        ',"by":', minqing.quoted(p_by), ',"account":"', r.account, '","report":"', r.id, '","observed_at":', minqing.quoted_time(r.observed_at),
        ',"text":', q_text, ',"summary":', minqing.quoted(left(coalesce(r.masked, r.text), 80)),
        ',"attachments":', case when r.attachments = '{}' then '[]' else to_json(r.attachments)::text end, '}')
$$;

create function dispatched_element(event bigint, ref uuid, traceparent text, member text) returns text language sql stable as
$$
    select concat('{"v":1,"event":', event, ',"ref":"', ref, '"', ',"traceparent":"' || nullif(traceparent, '') || '"', member, '}')
$$;

-- Ways ----------------------------------------------------------------------------------------------------------------

alter table ways add column told text, add column parts text;
comment on column ways.told is 'Members of an element: domain, kind, severity, restricted and lead with their names.';
comment on column ways.parts is 'opened_parts of lead and supporting.';

create or replace function make_ways() returns void language sql as
$$
    delete from minqing.ways;
    insert into minqing.ways (domain, kind, severity, area, lead, supporting, restricted, sign_minutes, handle_minutes, clock, call_out_minutes,
                              kind_restricted, east, metres, within, overlap, told, parts)
    select d.code, k.code, s.severity, a.area, r.lead, array_remove(r.supporting, r.lead), r.restricted, t.sign_minutes, t.handle_minutes, t.clock,
           s.call_out_minutes, coalesce(k.restricted, e.restricted, false), d.position * 1e8, coalesce(j.metres, 0), j.within, j.overlap,
           concat('"domain":"', d.code, '","domain_name":', minqing.quoted(d.name_zh), ',"kind":', minqing.quoted(nullif(k.code, '')), ',"kind_name":',
                  minqing.quoted(k.name_zh), ',"severity":', s.severity, ',"restricted":', minqing.yes_no(r.restricted), ',"lead":"', r.lead,
                  '","lead_name":', minqing.quoted(l.name_zh), ',"lead_english":', minqing.quoted(l.name_en)),
           minqing.opened_parts(r.lead, r.supporting)
    from minqing.domains d
    cross join lateral (select '' as code, null::boolean as restricted, null as name_zh
                        union all
                        select n.code, n.restricted, n.name_zh from minqing.kinds n where n.domain = d.code) k
    cross join minqing.severities s
    cross join lateral (select '' as area union select o.area from minqing.routes o where o.domain = d.code) a
    cross join lateral minqing.routes_of(d.code, nullif(k.code, ''), a.area, s.severity) r
    cross join lateral minqing.deadlines_of(r, s.severity) t
    left join minqing.departments l on l.code = r.lead
    left join minqing.routes e on e.domain = d.code and e.kind is null and e.area = '' and e.severity is null
    left join lateral (select max(u.metres) as metres, make_interval(mins => max(u.minutes)) as within, min(u.overlap) as overlap
                       from minqing.join_rules u
                       where u.mine = minqing.join_key(d.code, nullif(k.code, ''), s.severity)) j on true
$$;
create trigger keep_ways after insert or update or delete or truncate on departments for each statement execute function keep_ways();
select make_ways();

-- Opening -------------------------------------------------------------------------------------------------------------

drop function open_case(placement, text, uuid, jsonb);
drop function open_cases(placement[], text, uuid, jsonb);
drop function place_reports(placement[], text, uuid);
drop function dispatch(uuid[], uuid[]);

-- Opens the case of one report, as open_cases does: at low rates a report comes alone, and the statement for many takes longer to start
-- than all that it does for one. Out: the event and what goes with it, null where the case is there already.
create function open_case(p placement, p_account text, p_message uuid, p_data jsonb, out event bigint, out member text) language plpgsql as
$$
declare
    now_at timestamptz := minqing.now();
    today date := minqing.local_time_of(now_at)::date;
    share float8 := coalesce(minqing.setting('remind_share')::float8, 0.667);
    also text[] := array_remove(p.hints, p.domain);
    o record;
    departments text[];
    dues timestamptz[];
    wires text[];
    who bigint;
    said jsonb;
begin
    select w.lead, w.restricted, w.supporting, w.sign_minutes, w.handle_minutes, w.clock, w.call_out_minutes, w.told, w.parts,
           t.name as town_name, t.short_name, v.has_desks,
           case when p.severity <= 2 and v.has_desks and minqing.has_desk(w.lead, left(p.area, 12)) then 'village' else 'town' end as level
    into o
    from minqing.areas t
    left join lateral minqing.ways_of(p.domain, p.kind, p.area, p.severity) w on true
    cross join lateral (select exists (select from minqing.accounts a
                                              where a.area = left(p.area, 12) and a.department is not null and length(a.area) = 12 and not a.locked)
                                       as has_desks offset 0) v
    where t.code = p.town and not exists (select from minqing.cases c where c.id = p."case");
    if not found then
        return;
    end if;
    departments := o.lead || case when also = '{}' or o.restricted then o.supporting
                                  else minqing.with_leads(o.lead, o.supporting, also, p.area, p.severity) end;
    dues := minqing.deadlines(now_at, array[o.sign_minutes, o.handle_minutes, (o.sign_minutes * share)::integer], array[o.clock, o.clock, o.clock]);
    if o.clock not in ('hours', 'working_hours') then
        dues[3] := now_at + (dues[1] - now_at) * share;
    end if;

    wires := array[minqing.wire_time(now_at), minqing.wire_time(dues[1]), minqing.wire_time(dues[2])];
    said := minqing.opened_data(wires[1], p.domain, p.kind, also, p.severity, o.restricted, o.level, o.lead, departments[2:], wires[2], wires[3]);
    if departments[2:] <> o.supporting then
        o.parts := minqing.opened_parts(o.lead, departments[2:]);
    end if;
    event := nextval('minqing.case_events_id_seq');
    if p_account is not null then
        who := (select a.person from minqing.accounts a where a.account = p_account);
    end if;

    with counted as (
        insert into minqing.case_counters as k (town, day, last) values (p.town, today, 1)
        on conflict on constraint case_counters_pkey do update set last = k.last + 1
        returning o.short_name || '-' || to_char(today, 'MMDD') || '-' || to_char(k.last, 'FM999000') as number
    ),
    made as (
        insert into minqing.cases (id, number, town, year, state, domain, kind, also, severity, restricted, area, location, opened_at,
                                   assigned_at, sign_by, handle_by, sign_minutes, handle_minutes, clock, lead, level, first_report,
                                   disagrees, has_subject)
        select p."case", c.number, p.town, extract(year from today), 'assigned',
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
    ),
    happened as (
        insert into minqing.case_events (id, ref, "case", report, at, what, actor, account, person, message, version, state, data) overriding system value
        values (event, p."case", p."case", p.report, now_at, 'opened', case when p_account is null then 'engine' else 'command' end, p_account, who,
                p_message, 1, 'assigned', case when p_data is null then said else p_data || said end)
    )
    select minqing.opened_member(to_json(c.number)::text, o.told, o.parts, also, p.disagrees, o.level,
                                 to_json(concat(o.town_name, a12.name, a15.name))::text, to_json(o.town_name)::text, '"' || wires[1] || '"',
                                 '"' || wires[2] || '"', '"' || wires[3] || '"', p.has_subject, p_account, r,
                                 to_json(case when o.restricted then r.text else coalesce(r.masked, r.text) end)::text)
    into member
    from counted c
    join minqing.reports r on r.id = p.report
    -- as area_name: town, village, grid
    left join minqing.areas a12 on a12.code = left(p.area, 12) and length(a12.code) = 12
    left join minqing.areas a15 on a15.code = p.area and length(a15.code) = 15;
end
$$;

-- Opens one case for each report. Out: the events, and what goes with them.
create function open_cases(p placement[], p_account text, p_message uuid, p_data jsonb)
returns table (event bigint, ref uuid, traceparent text, member text) language plpgsql as
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
               w.told, w.parts,
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
        select s.event, n."case", n.report, n.traceparent,
               minqing.opened_data(at_wire, n.domain, n.kind, n.also, n.severity, n.restricted, n.level, n.lead, n.supporting, n.sign_wire,
                                   n.handle_wire) as data,
               minqing.opened_member(to_json(n.number)::text, n.told,
                                     case when n.also = '{}' or n.restricted then n.parts else minqing.opened_parts(n.lead, n.supporting) end,
                                     n.also, n.disagrees, n.level, to_json(concat(a9.name, a12.name, a15.name))::text, to_json(a9.name)::text,
                                     '"' || at_wire || '"', '"' || n.sign_wire || '"', '"' || n.handle_wire || '"', n.has_subject, p_account, r,
                                     to_json(case when n.restricted then r.text else coalesce(r.masked, r.text) end)::text) as member
        from numbered n
        join minqing.reports r on r.id = n.report
        -- as area_name: town, village, grid
        left join minqing.areas a9 on a9.code = n.town
        left join minqing.areas a12 on a12.code = left(n.area, 12) and length(a12.code) = 12
        left join minqing.areas a15 on a15.code = n.area and length(a15.code) = 15
        cross join lateral (select nextval('minqing.case_events_id_seq') as event offset 0) s
    ),
    happened as (
        insert into minqing.case_events (id, ref, "case", report, at, what, actor, account, person, message, version, state, data) overriding system value
        select s.event, s."case", s."case", s.report, now_at, 'opened', case when p_account is null then 'engine' else 'command' end, p_account,
               who, p_message, 1, 'assigned', case when p_data is null then s.data else p_data || s.data end
        from said s
    )
    select s.event, s."case", s.traceparent, s.member from said s;
end
$$;

-- Placing --------------------------------------------------------------------------------------------------------------

-- Places reports: each joins the open case that it fits, or opens one. In: placements whose towns are locked. Unsure ones that fit
-- nothing are left alone. Out: the events; of those that open a case what goes with them. What a batch has nothing of costs no statement: a report often comes alone.
create function place_reports(p placement[], p_account text, p_message uuid)
returns table (event bigint, ref uuid, traceparent text, member text) language plpgsql as
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
    one record;
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
            one := minqing.open_case(opening[1], p_account, p_message, null);
            if one.event is not null then
                event := one.event;
                ref := opened[1];
                traceparent := (opening[1]).traceparent;
                member := one.member;
                return next;
            end if;
        else
            return query select o.event, o.ref, o.traceparent, o.member from minqing.open_cases(opening, p_account, p_message, null) o;
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
        return query select j.event, j.ref, j.traceparent, null from minqing.join_cases(joining, theirs, p_account, p_message) j;
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
            return query select a.event, a.ref, a.traceparent, null from minqing.absorb_reviews(opened) a;
        end if;
        if critical then
            return query select a.event, a.ref, a.traceparent, null from minqing.absorb_cases(opened) a;
            return query
            select b.id, e.ref, r.traceparent, null
            from minqing.mobilise_by_rule(opened) b (id)
            join minqing.case_events e on e.id = b.id
            join minqing.cases c on c.id = e.ref
            join minqing.reports r on r.id = c.first_report;
        end if;
    end if;
end
$$;

-- What a classified report is that has neither a case nor a review, as a placement. In SQL, so that the planner puts it into the statement
-- that calls it.
create function placed_report(p_report uuid, p_case uuid) returns setof placement language sql stable as
$$
    select w.*
    from minqing.classifications c
    cross join lateral minqing.placed(p_report, p_case, case when c.review then c.model_domain else c.domain end,
                                      case when c.review then null else c.kind end, c.severity,
                                      case when c.review then c.also || array_remove(array[c.because #>> '{runner_up,domain}'], null) else c.also end,
                                      not c.review, c.words, c.disagrees) w
    where c.report = p_report and not exists (select from minqing.reviews v where v.report = p_report)
$$;

-- What the dispatcher does with classified reports: cases, or questions to the command centre. In: parallel arrays of report ids and the ids
-- that their cases would get. Out: one row an event. A report that comes alone, as most do, needs neither sorting nor gathering.
create function dispatch(p_reports uuid[], p_cases uuid[])
returns table (event bigint, ref uuid, traceparent text, member text) language plpgsql as
$$
declare
    placed minqing.placement[];
    doubtful boolean;
    alone minqing.placement;
begin
    if cardinality(p_reports) = 1 then
        -- as lock_towns
        perform pg_advisory_xact_lock(x'6d71'::integer, r.town::integer) from minqing.reports r where r.id = p_reports[1];
        select w.* into alone from minqing.placed_report(p_reports[1], p_cases[1]) w;
        if found then
            placed := array[alone];
            doubtful := not alone.sure;
        end if;
    else
        perform minqing.lock_towns(array(select r.town from minqing.reports r where r.id = any(p_reports)));
        select array_agg(w order by w.report), bool_or(not w.sure) into placed, doubtful
        from (select distinct on (u.report) u.* from unnest(p_reports, p_cases) as u (report, "case") order by u.report) i
        cross join lateral minqing.placed_report(i.report, i."case") w;
    end if;
    return query select o.event, o.ref, o.traceparent, o.member from minqing.place_reports(placed, null, null) o;
    if doubtful then
        return query select o.event, o.ref, o.traceparent, null from minqing.open_reviews(placed) o;
    end if;
end
$$;

-- Rights --------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant usage on sequence case_events_id_seq to minqing_dispatcher;
grant execute on function open_case(placement, text, uuid, jsonb), open_cases(placement[], text, uuid, jsonb), place_reports(placement[], text, uuid),
    dispatch(uuid[], uuid[]), placed_report(uuid, uuid), dispatched_element(bigint, uuid, text, text), opened_parts(text, text[]),
    opened_member(text, text, text, text[], boolean, text, text, text, text, text, text, boolean, text, reports, text),
    quoted(text), quoted_time(timestamptz), yes_no(boolean) to minqing_dispatcher;
