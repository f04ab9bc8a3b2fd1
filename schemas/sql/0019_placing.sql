-- How a batch of reports becomes cases: takes the place of the second half of 0008. Whoever places reports holds its towns' advisory
-- locks, taken in a statement before the one that looks: a lock inside the same statement sees an old snapshot. A handful of statements
-- whatever the size of the batch, and none for what the batch has nothing of.
set search_path = minqing, public;

-- What cases are made of --------------------------------------------------------------------------------------------

-- When each of `minutes` of the given clocks have passed since `start`; parallel arrays. Days are written as 1440 minutes; the day on which
-- a period begins does not count, and its last day counts to its end (Civil Code, articles 201 and 203): to midnight, or to the end of
-- business.
create function deadlines(start timestamptz, minutes integer[], clocks text[]) returns timestamptz[] language plpgsql stable as
$$
declare
    start_at timestamp := minqing.local_time_of(start);
    cursor_at timestamp;
    day date;
    days integer;
    remaining interval;
    opens time[];
    closes time[];
    days_off date[];
    days_on date[];
    room interval;
    dues timestamptz[] := '{}';
    due timestamptz;
begin
    for n in 1..coalesce(cardinality(minutes), 0) loop
        due := null;
        if clocks[n] = 'hours' then
            due := start + make_interval(mins => minutes[n]);
        elsif clocks[n] = 'days' then
            due := (start_at::date + minutes[n] / 1440 + 1)::timestamp at time zone 'Asia/Shanghai';
        else
            if opens is null then
                select array_agg(w.starts order by w.starts), array_agg(w.ends order by w.starts) into opens, closes from minqing.working_day w;
                select coalesce(array_agg(c.day) filter (where not c.working), '{}'), coalesce(array_agg(c.day) filter (where c.working), '{}')
                into days_off, days_on
                from minqing.calendar c where c.day >= start_at::date;
            end if;
            cursor_at := start_at;
            day := cursor_at::date;
            days := minutes[n] / 1440;
            remaining := make_interval(mins => minutes[n]);
            for tries in 1..4000 loop
                if (extract(isodow from day) < 6 or day = any(days_on)) and not day = any(days_off) then
                    if clocks[n] = 'working_days' then
                        days := days - (tries > 1)::integer;
                        if days <= 0 then
                            due := (day + closes[cardinality(closes)]) at time zone 'Asia/Shanghai';
                        end if;
                    else
                        for k in 1..coalesce(cardinality(opens), 0) loop
                            if cursor_at < day + closes[k] then
                                cursor_at := greatest(cursor_at, day + opens[k]);
                                room := (day + closes[k]) - cursor_at;
                                if room >= remaining then
                                    due := (cursor_at + remaining) at time zone 'Asia/Shanghai';
                                    exit;
                                end if;
                                remaining := remaining - room;
                                cursor_at := day + closes[k];
                            end if;
                        end loop;
                    end if;
                    exit when due is not null;
                end if;
                day := day + 1;
                cursor_at := greatest(cursor_at, day::timestamp);
            end loop;
            if due is null then
                raise exception 'no working time found in 4000 days after %: check tables calendar and working_day', start;
            end if;
        end if;
        dues := dues || due;
    end loop;
    return dues;
end
$$;

create or replace function deadline(start timestamptz, minutes integer, clock text) returns timestamptz language plpgsql stable as
$$ begin return (minqing.deadlines(start, array[minutes], array[clock]))[1]; end $$;

-- Minutes and clock of a case's deadlines: its route's own; of one graver than its route expects no longer than its severity allows, by
-- the plain clock.
create function deadlines_of(p_route routes, p_severity smallint, out sign_minutes integer, out handle_minutes integer, out clock text)
language plpgsql stable as
$$
declare
    cap minqing.severities;
begin
    sign_minutes := p_route.sign_minutes;
    handle_minutes := p_route.handle_minutes;
    clock := p_route.clock;
    if p_severity > p_route.default_severity then
        select s.* into cap from minqing.severities s where s.severity = p_severity;
        if cap.sign_minutes is not null then
            sign_minutes := least(sign_minutes, cap.sign_minutes);
            handle_minutes := least(handle_minutes, cap.handle_minutes);
            clock := 'hours';
        end if;
    end if;
end
$$;

-- What a history replays to, of a case and its parts.
create function case_state(c cases, p_parts jsonb) returns jsonb language sql stable as
$$
    select jsonb_build_object(
        'state', c.state, 'state_version', c.state_version, 'domain', c.domain, 'kind', c.kind, 'also', to_jsonb(c.also),
        'severity', c.severity, 'restricted', c.restricted, 'level', c.level, 'lead', c.lead,
        'assigned_at', minqing.wire_time(c.assigned_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by),
        'outcome_by', minqing.wire_time(c.outcome_by), 'returns', c.returns, 'request', c.request, 'result', c.result, 'rating', c.rating,
        'report_count', c.report_count, 'merged_into', c.merged_into, 'exercise', c.exercise,
        'suspended_until', minqing.wire_time(c.suspended_until), 'parts', p_parts)
$$;

create or replace function case_snapshot(c cases) returns jsonb language plpgsql stable as
$$
begin
    return minqing.case_state(c, (select jsonb_object_agg(a.department, jsonb_build_object('role', a.role, 'state', a.state, 'joint', a.joint))
                                  from minqing.assignments a where a."case" = c.id));
end
$$;

-- Brings the announcements of cases to their present version: every department that has a part, in its town, in the village where it
-- has a desk of its own, and from the level on to which the case was escalated; the command centre where it has something to do or must
-- know at once; with p_tells those who reported.
create function announce_cases(p_cases uuid[], p_tells boolean) returns void language plpgsql as
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
        left join lateral (select true as before from minqing.announcements a
                           where a.ref = c.id and a.topic = 1 and a.live
                             and exists (select from unnest(a.targets) t where starts_with(t, 'command_centre/'))) t on true
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

-- Writes the change down and has it told. In: the snapshot before, the case, what happened (a word of transitions.event), who, the
-- note, the message that asked for it, more data, whether others must see it before they act, whether the reporters are told.
-- Out: the event.
create or replace function finish_change(p_before jsonb, p_case uuid, p_event text, p_who acting, p_note text, p_message uuid, p_data jsonb,
                                         p_raises boolean, p_tells boolean) returns bigint language plpgsql as
$$
declare
    c minqing.cases;
    changed jsonb;
    event bigint;
begin
    update minqing.cases k
    set version = k.version + 1,
        state_version = k.state_version + (p_raises or k.state <> p_before ->> 'state')::integer
    where k.id = p_case
    returning k.* into c;
    select jsonb_object_agg(n.key, n.value) into changed
    from jsonb_each(minqing.case_snapshot(c)) n
    where n.value is distinct from p_before -> n.key;

    insert into minqing.case_events (ref, "case", at, what, actor, account, person, department, note, message, version, state, data)
    select c.id, c.id, minqing.now(), p_event, (p_who).actor, (p_who).account,
           (select a.person from minqing.accounts a where a.account = (p_who).account), (p_who).department, p_note, p_message, c.version, c.state,
           coalesce(p_data, '{}') || jsonb_build_object('set', coalesce(changed, '{}'))
    returning id into event;

    -- whoever's part was the last, those who reported hear that it is resolved
    perform minqing.announce_cases(array[p_case], p_tells or coalesce(changed ->> 'state' = 'resolved', false));
    if changed ?| array['state', 'lead', 'assigned_at', 'sign_by', 'handle_by', 'outcome_by', 'severity', 'suspended_until'] then
        perform minqing.schedule_case(c);
    end if;
    return event;
end
$$;
drop function announce_case(cases, boolean);

-- Opening -----------------------------------------------------------------------------------------------------------

-- Opens one case for each report. Out: the events.
create function open_cases(p placement[], p_account text, p_message uuid, p_data jsonb)
returns table (event bigint, ref uuid, traceparent text) language plpgsql set enable_hashjoin = on as
$$
declare
    now_at timestamptz := minqing.now();
    today date := minqing.local_time_of(now_at)::date;
    who bigint := (select a.person from minqing.accounts a where a.account = p_account);
    opened record;
begin
    with routed as materialized (
        select i.*, route, d.sign_minutes, d.handle_minutes, d.clock
        from unnest(p) i
        cross join lateral minqing.route_of(i.domain, i.kind, i.area, i.severity) route
        cross join lateral minqing.deadlines_of(route, i.severity) d
        where not exists (select from minqing.cases c where c.id = i."case")
    ),
    -- few different ones in a batch, and dear to count out
    periods as materialized (
        select q.*, case when q.sign then minqing.remind_at(now_at, q.due, q.minutes, q.clock) end as remind
        from (select u.*, minqing.deadline(now_at, u.minutes, u.clock) as due
              from (select r.sign_minutes as minutes, r.clock, true as sign from routed r
                    union
                    select r.handle_minutes, r.clock, false from routed r) u) q
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
               array_remove(r.hints, r.domain) as also, s.due as sign_by, s.remind, h.due as handle_by
        from routed r
        join counted c on c.town = r.town
        join minqing.areas t on t.code = r.town
        join periods s on s.sign and s.minutes = r.sign_minutes and s.clock = r.clock
        join periods h on not h.sign and h.minutes = r.handle_minutes and h.clock = r.clock
    ),
    made as (
        insert into minqing.cases as c (id, number, town, year, state, domain, kind, also, severity, restricted, area, location, opened_at,
                                        assigned_at, sign_by, handle_by, sign_minutes, handle_minutes, clock, lead, level, first_report,
                                        disagrees, has_subject)
        select n."case", n.number, n.town, extract(year from today), 'assigned', n.domain, n.kind, n.also, n.severity, (n.route).restricted,
               n.area, n.location, now_at, now_at, n.sign_by, n.handle_by, n.sign_minutes, n.handle_minutes, n.clock, (n.route).lead,
               minqing.first_level((n.route).lead, n.area, n.severity), n.report, n.disagrees, n.has_subject
        from numbered n
        returning c
    ),
    joined as (
        insert into minqing.joinable ("case", town, village, domain, kind, severity, restricted, touching, place, spot, opened_at, observed_from,
                                      observed_to, words)
        select n."case", n.town, left(n.area, 12), n.domain, n.kind, n.severity, (n.route).restricted, n.severity < 4 and n.also <> '{}', n.place,
               n.spot, now_at, n.at, n.at, n.words
        from numbered n
    ),
    attached as (
        insert into minqing.case_reports (report, "case", added_at, account) select n.report, n."case", now_at, n.account from numbered n
    ),
    parts as materialized (
        select n."case", (n.route).lead as department, 'lead' as role from numbered n
        union all
        select n."case", u.department, 'supporting'
        from numbered n
        cross join lateral (
            select unnest((n.route).supporting) as department
            union
            -- the leads of the other domains that the report touches; never where the kind is restricted
            select (minqing.route_of(a, null, n.area, n.severity)).lead from unnest(n.also) a where not (n.route).restricted
        ) u
        where u.department <> (n.route).lead
    ),
    assigned as (
        insert into minqing.assignments ("case", department, role, joint, assigned_at)
        select s."case", s.department, s.role, s.role = 'lead', now_at from parts s
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
    events as (
        insert into minqing.case_events (ref, "case", report, at, what, actor, account, person, message, version, state, data)
        select (m.c).id, (m.c).id, (m.c).first_report, now_at, 'opened', case when p_account is null then 'engine' else 'command' end, p_account,
               who, p_message, 1, 'assigned', coalesce(p_data, '{}') || jsonb_build_object('set', minqing.case_state(m.c, s.parts))
        from made m
        join (select s."case", jsonb_object_agg(s.department, jsonb_build_object('role', s.role, 'state', 'assigned', 'joint', s.role = 'lead')) as parts
              from parts s group by s."case") s on s."case" = (m.c).id
        order by (m.c).id
        returning case_events.id, case_events.ref
    )
    select array_agg(e.ref order by e.id) as refs, array_agg(e.id order by e.id) as events, array_agg(n.traceparent order by e.id) as traces
    into opened
    from events e join numbered n on n."case" = e.ref;

    if opened.refs is null then
        return;
    end if;
    perform minqing.announce_cases(opened.refs, true);
    return query select * from unnest(opened.events, opened.refs, opened.traces);
end
$$;

-- Joining -----------------------------------------------------------------------------------------------------------

-- What a graver or wider report changes of the case that it joined: severity with its deadlines, domains touched, and who supports.
create or replace function raise_case(p_case uuid, p_severity smallint, p_also text[], p_report uuid) returns bigint language plpgsql as
$$
declare
    c minqing.cases;
    before jsonb;
    route minqing.routes;
    graver record;
    at timestamptz := minqing.now();
begin
    select k.* into c from minqing.cases k where k.id = p_case for update;
    if p_severity <= c.severity and p_also <@ (c.also || c.domain) then
        return null;
    end if;
    before := minqing.case_snapshot(c);
    if p_severity > c.severity then
        route := minqing.route_of(c.domain, c.kind, c.area, p_severity);
        select d.* into graver from minqing.deadlines_of(route, p_severity) d;
        update minqing.cases k
        set severity = p_severity, sign_by = least(k.sign_by, minqing.deadline(at, graver.sign_minutes, graver.clock)),
            handle_by = least(k.handle_by, minqing.deadline(at, graver.handle_minutes, graver.clock))
        where k.id = p_case;
    end if;
    if not c.restricted then
        update minqing.cases k
        set also = array(select distinct a from unnest(k.also || p_also) a where a <> k.domain order by a)
        where k.id = p_case;
        perform minqing.add_parts(p_case, array(select (minqing.route_of(a, null, c.area, greatest(c.severity, p_severity))).lead from unnest(p_also) a
                                                where a <> c.domain and not a = any(c.also)), false);
    end if;
    return minqing.finish_change(before, p_case, 'corrected', row('engine', null, null)::minqing.acting, null, null,
                                 jsonb_build_object('report', p_report), true, false);
end
$$;

create aggregate together(integer[]) (sfunc = array_cat, stype = integer[], initcond = '{}');
comment on aggregate together(integer[]) is 'Arrays one behind the other.';

-- Adds reports to the open cases that they fit. In: the placements and, in the same order, their cases, whose rows this transaction has
-- locked. Out: the events.
create function join_cases(p placement[], p_cases uuid[], p_account text, p_message uuid)
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
        where a.ref = c.id and a.topic in (1, 2) and a.live
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
