-- Which reports are of the same thing, and how a batch of them becomes cases. Takes the place of open_cases and dispatch of 0003.
-- A report joins the open case of its town that fits by place, time, domain and, where the rule wants it, words. Whoever places reports
-- holds its towns' advisory locks, taken in a statement before the one that looks: a lock inside the same statement sees an old snapshot.
set search_path = minqing, public;

-- Likeness of words -------------------------------------------------------------------------------------------------

-- Share of the shorter text's words that the other has too.
create function likeness(p_mine integer[], p_other integer[]) returns real language sql immutable parallel safe as
$$ select icount(p_mine & p_other)::real / greatest(1, least(icount(p_mine), icount(p_other)))::real $$;

-- Share of a text's words that occur in what was reported of a case so far: many eyes make many words.
create function covered(p_mine integer[], p_theirs integer[]) returns real language sql immutable parallel safe as
$$ select icount(p_mine & p_theirs)::real / greatest(1, icount(p_mine))::real $$;

-- Placing -----------------------------------------------------------------------------------------------------------

-- A report that is to become a case or join one. sure: its domain is decided; else domain is the likeliest and hints are what else it
-- may be about. place: where it was seen, give or take accuracy metres, null where only its area is known (place_given: the area was
-- said by the officer). reach: how far the widest rule of its domain goes.
create type placement as (
    report uuid, "case" uuid, domain text, kind text, severity smallint, hints text[], sure boolean,
    account text, area text, town text, place geography, accuracy float8, reach float8, place_given boolean, at timestamptz,
    restricted boolean, words integer[], has_subject boolean
);

-- The key of join_rules.
create function join_key(p_domain text, p_kind text, p_severity smallint) returns text language sql immutable parallel safe as
$$ select coalesce(p_kind, p_domain) || case when p_severity = 4 then '!' else '' end $$;

create function placements(p_reports uuid[], p_cases uuid[], p_domains text[], p_kinds text[], p_severities smallint[], p_hints text[], p_sure boolean)
returns setof placement language plpgsql stable as
$$
begin
    return query
    select i.report, i."case", i.domain, i.kind, i.severity, coalesce(string_to_array(nullif(i.hints, ''), ','), '{}'), p_sure,
           r.account, r.area, r.town, r.location, a.accuracy,
           a.accuracy + coalesce((select max(j.metres) from minqing.join_rules j where j.mine = minqing.join_key(i.domain, i.kind, i.severity)), 0),
           r.area_from <> 'home', least(r.observed_at, r.received_at),
           coalesce(k.restricted, (select d.restricted from minqing.routes d where d.domain = i.domain and d.kind is null and d.area = '' and d.severity is null),
                    false),
           coalesce((select c.words from minqing.classifications c where c.report = i.report), '{}'), r.subject_key is not null
    from unnest(p_reports, p_cases, p_domains, p_kinds, p_severities, p_hints) as i (report, "case", domain, kind, severity, hints)
    join minqing.reports r on r.id = i.report
    -- a fix that is off by more says next to nothing
    cross join lateral (select least(coalesce((r.location_given ->> 'accuracy_m')::float8, 0), 500) as accuracy) a
    left join minqing.kinds k on k.code = i.kind
    where not exists (select from minqing.case_reports m where m.report = i.report);
end
$$;

-- The best open case for each report that has one. Candidates come through indexes alone: the nearest cases of its domain; those of its
-- domain without a place; where it has no place itself, the latest of its domain and town; and critical cases of other domains, which it
-- may touch (hints), or whose words an unsure one speaks.
create function matching_cases(p placement[]) returns table (report uuid, "case" uuid) language plpgsql stable as
$$
declare
    widest integer := (select max(k.join_metres) from minqing.kinds k where k.severity = 4);
begin
    return query
    select distinct on (i.report) i.report, c.id
    from unnest(p) i
    cross join lateral (
        select k.id, k.domain, k.kind, k.severity, k.area, k.location, k.restricted, k.town, k.observed_from, k.observed_to, k.opened_at, k.words, true as own
        from (select * from minqing.cases u
              where u.state in ('assigned', 'signed', 'in_progress', 'suspended') and u.domain = i.domain and st_dwithin(u.location, i.place, i.reach)
              order by u.location <-> i.place
              limit 20) k
        union all
        (select k.id, k.domain, k.kind, k.severity, k.area, k.location, k.restricted, k.town, k.observed_from, k.observed_to, k.opened_at, k.words, true
         from minqing.cases k
         where i.place is not null and k.town = i.town and k.domain = i.domain and k.state in ('assigned', 'signed', 'in_progress', 'suspended')
           and k.location is null
         order by k.opened_at desc
         limit 20)
        union all
        (select k.id, k.domain, k.kind, k.severity, k.area, k.location, k.restricted, k.town, k.observed_from, k.observed_to, k.opened_at, k.words, true
         from minqing.cases k
         where i.place is null and k.town = i.town and k.domain = i.domain and k.state in ('assigned', 'signed', 'in_progress', 'suspended')
         order by k.opened_at desc
         limit 20)
        union all
        select k.id, k.domain, k.kind, k.severity, k.area, k.location, k.restricted, k.town, k.observed_from, k.observed_to, k.opened_at, k.words, false
        from (select * from minqing.cases u
              where (i.hints <> '{}' or not i.sure)
                and u.state in ('assigned', 'signed', 'in_progress', 'suspended') and u.severity = 4
                and st_dwithin(u.location, i.place, widest + i.accuracy)
              order by u.location <-> i.place
              limit 30) k
        where k.domain is distinct from i.domain and (k.domain = any(i.hints) or not i.sure and minqing.covered(i.words, k.words) >= 0.35)
        union all
        (select k.id, k.domain, k.kind, k.severity, k.area, k.location, k.restricted, k.town, k.observed_from, k.observed_to, k.opened_at, k.words, false
         from (select * from minqing.cases u
               where i.place is null and (i.hints <> '{}' or not i.sure) and u.town = i.town and u.severity = 4
                 and u.state in ('assigned', 'signed', 'in_progress', 'suspended')
               order by u.opened_at desc
               limit 30) k
         where k.domain is distinct from i.domain and (k.domain = any(i.hints) or not i.sure and minqing.covered(i.words, k.words) >= 0.35))
    ) c
    join minqing.join_rules j
      -- what only touches the case's domain, or may be of it, goes by the case's own urgency
      on j.mine = case when i.sure and c.own then minqing.join_key(i.domain, i.kind, i.severity) else minqing.join_key(c.domain, null, c.severity) end
         and j.other = minqing.join_key(c.domain, c.kind, c.severity)
    where c.town = i.town
      and c.restricted = i.restricted
      and i.at between c.observed_from - make_interval(mins => j.minutes) and c.observed_to + make_interval(mins => j.minutes)
      and case
              when c.location is not null and i.place is not null then st_dwithin(c.location, i.place, j.metres + i.accuracy)
              when left(c.area, 12) = left(i.area, 12) then true
              -- where place and time suffice, an unknown place is no other place
              when j.overlap > 0 then false
              when not i.place_given then true
              else exists (select from minqing.areas v where v.code = left(i.area, 12) and c.location is not null
                           and st_dwithin(v.polygon::geography, c.location, j.metres))
          end
      and (j.overlap = 0 or minqing.covered(i.words, c.words) >= j.overlap)
    order by i.report, c.own desc, c.kind is not distinct from i.kind desc, st_distance(c.location, i.place) nulls last, c.opened_at desc;
end
$$;

-- Reports of one batch that fit each other. Out: for each the index of the first of its cluster, its own where it stands alone.
-- Everyone is compared with first ones only, as later reports are with cases: a chain of neighbours does not make two fires one.
create function cluster(p placement[]) returns integer[] language plpgsql stable set enable_hashjoin = on as
$$
declare
    n integer := cardinality(p);
    leaders integer[] := array(select generate_series(1, n));
    pair record;
begin
    if n < 2 then
        return leaders;
    end if;
    for pair in
        with numbered as materialized (
            select i.*, row_number() over ()::integer as n, minqing.join_key(i.domain, i.kind, i.severity) as key from unnest(p) i
        )
        select a.n as first, b.n as second
        from numbered a
        join numbered b on b.town = a.town and b.domain = a.domain and b.n > a.n and b.restricted = a.restricted
        join minqing.join_rules j on j.mine = b.key and j.other = a.key
        where abs(extract(epoch from b.at - a.at)) <= j.minutes * 60
          and case when a.place is not null and b.place is not null then st_dwithin(a.place, b.place, j.metres + b.accuracy)
                   when left(a.area, 12) = left(b.area, 12) then true
                   else j.overlap = 0 and not (a.place_given and b.place_given) end
          and (j.overlap = 0 or minqing.likeness(a.words, b.words) >= j.overlap)
        order by second, first
    loop
        -- pairs come in order, so that the first one's place is settled before it leads
        if leaders[pair.second] = pair.second and leaders[pair.first] = pair.first then
            leaders[pair.second] := pair.first;
        end if;
    end loop;
    return leaders;
end
$$;

-- Opening -----------------------------------------------------------------------------------------------------------

drop function dispatch(uuid[], uuid[]);
drop function open_cases(uuid[], uuid[], text[], text[], smallint[], text[], text, uuid);

-- Opens one case for each report: a handful of statements whatever their number. Out: the events.
create function open_cases(p placement[], p_account text, p_message uuid, p_data jsonb)
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    opened uuid[];
begin
    with routed as materialized (
        select i.*, route, minqing.now() as now_at,
               -- a case graver than its route expects is no slower than its severity allows, by the plain clock
               i.severity > (route).default_severity and s.sign_minutes is not null as graver,
               s.sign_minutes as cap_sign, s.handle_minutes as cap_handle,
               coalesce(c.disagrees, false) as disagrees
        from unnest(p) i
        cross join lateral minqing.route_of(i.domain, i.kind, i.area, i.severity) route
        join minqing.severities s on s.severity = i.severity
        left join minqing.classifications c on c.report = i.report
    ),
    timed as materialized (
        select r.*,
               case when graver then least((route).sign_minutes, cap_sign) else (route).sign_minutes end as sign_minutes,
               case when graver then least((route).handle_minutes, cap_handle) else (route).handle_minutes end as handle_minutes,
               case when graver then 'hours' else (route).clock end as clock
        from routed r
    ),
    counted as (
        insert into minqing.case_counters as k (town, day, last)
        select town, minqing.local_time_of(min(now_at))::date, count(*) from timed group by town order by town
        on conflict (town, day) do update set last = k.last + excluded.last
        returning k.town, k.day, k.last
    ),
    numbered as (
        select d.*, c.day, c.last - count(*) over (partition by d.town) + row_number() over (partition by d.town order by d.report) as n
        from timed d join counted c on c.town = d.town
    ),
    made as (
        insert into minqing.cases (id, number, town, year, state, domain, kind, also, severity, restricted, area, location, opened_at,
                                   assigned_at, sign_by, handle_by, sign_minutes, handle_minutes, clock, lead, level, first_report,
                                   disagrees, observed_from, observed_to, words, has_subject)
        select n."case", t.short_name || '-' || to_char(n.day, 'MMDD') || '-' || to_char(n.n, 'FM999000'), n.town,
               extract(year from n.day), 'assigned', n.domain, n.kind, array_remove(n.hints, n.domain), n.severity, (n.route).restricted,
               n.area, n.place, n.now_at, n.now_at, minqing.deadline(n.now_at, n.sign_minutes, n.clock),
               minqing.deadline(n.now_at, n.handle_minutes, n.clock), n.sign_minutes, n.handle_minutes, n.clock, (n.route).lead,
               minqing.first_level((n.route).lead, n.area, n.severity), n.report, n.disagrees, n.at, n.at, n.words,
               n.has_subject
        from numbered n
        join minqing.areas t on t.code = n.town
        on conflict (id) do nothing
        returning cases.id, cases.first_report, cases.opened_at, cases.restricted, cases.also
    ),
    attached as (
        insert into minqing.case_reports (report, "case", added_at, account)
        select o.first_report, o.id, o.opened_at, t.account from made o join timed t on t.report = o.first_report
    ),
    assigned as (
        insert into minqing.assignments ("case", department, role, joint, assigned_at)
        select d.id, d.department, d.role, d.role = 'lead', d.at
        from (
            select o.id, (t.route).lead as department, 'lead' as role, o.opened_at as at from made o join timed t on t.report = o.first_report
            union
            select o.id, u.department, 'supporting', o.opened_at
            from made o
            join timed t on t.report = o.first_report
            cross join lateral (
                select unnest((t.route).supporting) as department
                union
                -- the leads of the other domains that the report touches; never where the kind is restricted
                select (minqing.route_of(a, null, t.area, t.severity)).lead from unnest(o.also) a where not o.restricted
            ) u
            where u.department <> (t.route).lead
        ) d
    )
    select array_agg(m.id) into opened from made m;

    if opened is null then
        return;
    end if;
    return query
    with parts as (
        select c.id, c.town, c.area, c.version, c.restricted, a.department from minqing.cases c join minqing.assignments a on a."case" = c.id where c.id = any(opened)
    ),
    announced as (
        -- as announce_case does for one
        insert into minqing.announcements (ref, topic, audience, scope, version)
        select p.id, case when p.restricted then 2 else 1 end, p.department, p.town, p.version from parts p where p.department <> 'command_centre'
        union
        select p.id, case when p.restricted then 2 else 1 end, p.department, d.area, p.version
        from parts p join minqing.village_desks d on d.department = p.department and d.area = left(p.area, 12)
        union
        select c.id, 1, 'command_centre', c.town, c.version
        from minqing.cases c
        where c.id = any(opened) and (c.severity = 4 or c.restricted or c.lead = 'command_centre')
        union all
        select c.id, 4, r.account, '', c.version
        from minqing.cases c
        join minqing.reports r on r.id = c.first_report
        join minqing.accounts o on o.account = r.account and o.role = 'device'
        where c.id = any(opened)
        on conflict on constraint announcements_pkey do nothing
    ),
    watched as (
        -- as schedule_case does for one
        insert into minqing.timers ("case", chain, step, due_at)
        select c.id, 'sign', 'remind', minqing.remind_at(c.opened_at, c.sign_by, c.sign_minutes, c.clock) from minqing.cases c where c.id = any(opened)
        union all
        select c.id, 'call_out', 'again', c.opened_at + make_interval(mins => s.call_out_minutes)
        from minqing.cases c join minqing.severities s on s.severity = c.severity
        where c.id = any(opened) and s.call_out_minutes is not null
    ),
    events as (
        insert into minqing.case_events (ref, "case", report, at, what, actor, account, person, message, version, state, data)
        select c.id, c.id, c.first_report, c.opened_at, 'opened', case when p_account is null then 'engine' else 'command' end, p_account,
               (select a.person from minqing.accounts a where a.account = p_account), p_message, c.version, c.state,
               coalesce(p_data, '{}') || jsonb_build_object('set', minqing.case_snapshot(c))
        from minqing.cases c
        where c.id = any(opened)
        order by c.id
        returning case_events.id, case_events.ref, case_events.report
    )
    select e.id, e.ref, r.traceparent from events e join minqing.reports r on r.id = e.report order by e.id;
end
$$;

-- Joining -----------------------------------------------------------------------------------------------------------

-- What a graver or wider report changes of the case that it joined: severity with its deadlines, domains touched, and who supports.
create function raise_case(p_case uuid, p_severity smallint, p_also text[], p_report uuid) returns bigint language plpgsql as
$$
declare
    c minqing.cases;
    before jsonb;
    route minqing.routes;
    cap minqing.severities;
    at timestamptz := minqing.now();
begin
    select k.* into c from minqing.cases k where k.id = p_case for update;
    if p_severity <= c.severity and p_also <@ (c.also || c.domain) then
        return null;
    end if;
    before := minqing.case_snapshot(c);
    route := minqing.route_of(c.domain, c.kind, c.area, greatest(c.severity, p_severity));
    select s.* into cap from minqing.severities s where s.severity = greatest(c.severity, p_severity);
    update minqing.cases k
    set severity = greatest(k.severity, p_severity),
        also = case when k.restricted then k.also else array(select distinct a from unnest(k.also || p_also) a where a <> k.domain order by a) end,
        sign_by = case when p_severity > k.severity then least(k.sign_by, at + make_interval(mins => coalesce(cap.sign_minutes, route.sign_minutes)))
                       else k.sign_by end,
        handle_by = case when p_severity > k.severity then least(k.handle_by, at + make_interval(mins => coalesce(cap.handle_minutes, route.handle_minutes)))
                         else k.handle_by end
    where k.id = p_case;
    if not c.restricted then
        perform minqing.add_parts(p_case, array(select (minqing.route_of(a, null, c.area, greatest(c.severity, p_severity))).lead from unnest(p_also) a
                                                where a <> c.domain and not a = any(c.also)), false);
    end if;
    return minqing.finish_change(before, p_case, 'corrected', row('engine', null, null)::minqing.acting, null, null,
                                 jsonb_build_object('report', p_report), true, false);
end
$$;

-- Adds reports to the open cases that they fit. In: the placements and, in the same order, their cases, whose rows this transaction has
-- locked. Out: the events.
create function join_cases(p placement[], p_cases uuid[], p_account text, p_message uuid)
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    raised record;
    raising bigint;
begin
    return query
    with input as materialized (
        select i.report, i."case", i.account, i.place, i.at, i.words, i.has_subject, row_number() over (partition by i."case" order by i.at, i.report)::integer as n
        from unnest(p, p_cases) as i (report, own, domain, kind, severity, hints, sure, account, area, town, place, accuracy, reach, place_given, at,
                                     restricted, words, has_subject, "case")
    ),
    attached as (
        insert into minqing.case_reports (report, "case", added_at, account)
        select i.report, i."case", minqing.now(), i.account from input i order by i.report
        on conflict on constraint case_reports_pkey do nothing
    ),
    totals as (
        select i."case", count(*)::integer as n, min(i.at) as first, max(i.at) as last, bool_or(i.has_subject) as has_subject,
               (array_agg(i.place order by i.n) filter (where i.place is not null))[1] as place
        from input i group by i."case"
    ),
    spoken as (
        select i."case", array_agg(w) as words from input i cross join lateral unnest(i.words) w where i.n <= 15 group by i."case"
    ),
    changed as (
        update minqing.cases c
        set version = c.version + t.n, report_count = c.report_count + t.n, observed_from = least(c.observed_from, t.first),
            observed_to = greatest(c.observed_to, t.last), location = coalesce(c.location, t.place),
            has_subject = c.has_subject or t.has_subject,
            words = case when icount(c.words) < 400 then uniq(sort(c.words || s.words)) else c.words end
        from totals t
        left join spoken s on s."case" = t."case"
        where c.id = t."case"
        returning c.id, c.version, c.state, c.report_count, t.n
    ),
    events as (
        insert into minqing.case_events (ref, "case", report, at, what, actor, account, person, message, version, state, data)
        select c.id, c.id, i.report, minqing.now(), 'joined', case when p_account is null then 'engine' else 'command' end, p_account,
               (select a.person from minqing.accounts a where a.account = p_account), p_message, c.version - c.n + i.n, c.state,
               jsonb_build_object('set', jsonb_build_object('report_count', c.report_count - c.n + i.n))
        from input i join changed c on c.id = i."case"
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
        select distinct c.id, 4, i.account, '', c.version
        from input i
        join changed c on c.id = i."case"
        join minqing.accounts o on o.account = i.account and o.role = 'device'
        on conflict on constraint announcements_pkey do update set version = excluded.version, waiting = false
    )
    select e.id, e.ref, r.traceparent from events e join minqing.reports r on r.id = e.report order by e.id;

    for raised in
        select i."case", max(i.severity) as severity, array_agg(distinct i.domain) as also, (array_agg(i.report))[1] as report
        from unnest(p, p_cases) as i (report, own, domain, kind, severity, hints, sure, account, area, town, place, accuracy, reach, place_given, at,
                                     restricted, words, has_subject, "case")
        where i.sure
        group by i."case"
        order by i."case"
    loop
        raising := minqing.raise_case(raised."case", raised.severity, raised.also, raised.report);
        if raising is not null then
            return query select raising, raised."case", r.traceparent from minqing.reports r where r.id = raised.report;
        end if;
    end loop;
end
$$;

-- Takes the turn of the given towns: two dispatchers place reports of one town one after the other.
create function lock_towns(p_towns text[]) returns void language plpgsql as
$$
begin
    perform pg_advisory_xact_lock(x'6d71'::integer, t.town::integer)
    from (select distinct u as town from unnest(p_towns) u order by u) t;
end
$$;

-- Waiting reports that the given cases, just opened, take in.
create function absorb_reviews(p_cases uuid[]) returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    waiting minqing.placement[];
    fitting minqing.placement[];
    theirs uuid[];
begin
    select array_agg(w order by w.report) into waiting
    from (
        select distinct on (v.report) v.report
        from minqing.cases c
        cross join lateral (
            select r.report
            from minqing.reviews r join minqing.classifications x on x.report = r.report
            where r.state = 'waiting' and r.town = c.town
              and (c.domain = any(r.domains) or c.severity = 4 and minqing.covered(x.words, c.words) >= 0.35)
              and st_dwithin(r.location, c.location, coalesce((select max(j.metres) from minqing.join_rules j
                                                               where j.mine = minqing.join_key(c.domain, c.kind, c.severity)), 0))
            union all
            (select r.report
             from minqing.reviews r join minqing.classifications x on x.report = r.report
             where r.state = 'waiting' and r.town = c.town and (r.location is null or c.location is null)
               and (c.domain = any(r.domains) or c.severity = 4 and minqing.covered(x.words, c.words) >= 0.35)
               and exists (select from minqing.join_rules j where j.mine = minqing.join_key(c.domain, c.kind, c.severity) and j.overlap = 0)
             order by r.opened_at desc
             limit 100)
        ) v
        where c.id = any(p_cases)
    ) v
    join minqing.classifications k on k.report = v.report
    join minqing.reviews u on u.report = v.report
    cross join lateral minqing.placements(array[v.report], array[null::uuid], array[k.model_domain], array[null::text], array[k.severity],
                                        array[array_to_string(u.domains, ',')], false) w;
    if waiting is null then
        return;
    end if;
    select array_agg(i order by i.report), array_agg(m."case" order by i.report) into fitting, theirs
    from unnest(waiting) i join minqing.matching_cases(waiting) m on m.report = i.report
    where m."case" = any(p_cases);
    if fitting is null then
        return;
    end if;
    return query select j.event, j.ref, j.traceparent from minqing.join_cases(fitting, theirs, null, null) j;
    return query
    with ended as (
        update minqing.reviews r
        set state = 'joined', version = r.version + 1, decided_at = minqing.now()
        from unnest(fitting) i
        where r.report = i.report and r.state = 'waiting'
        returning r.report, r.version
    ),
    cleared as (
        update minqing.announcements a
        set version = e.version, live = false, ended_at = minqing.now()
        from ended e
        where a.ref = e.report and a.topic = 3
    ),
    events as (
        insert into minqing.case_events (ref, report, at, what, actor, version, state)
        select e.report, e.report, minqing.now(), 'joined', 'engine', e.version, 'joined' from ended e order by e.report
        returning case_events.id, case_events.ref
    )
    select e.id, e.ref, r.traceparent from events e join minqing.reports r on r.id = e.ref order by e.id;
end
$$;

-- Which report comes first is chance: a case that nobody has signed for yet and that touches a critical one just opened, where place and
-- time suffice, goes into that. In: cases just opened. Out: the events.
create function absorb_cases(p_cases uuid[]) returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    pair record;
    c minqing.cases;
    o minqing.cases;
    before jsonb;
    who minqing.acting := row('engine', null, null)::minqing.acting;
begin
    for pair in
        select k.id as small, n.id as large, r.traceparent
        from minqing.cases n
        join minqing.reports r on r.id = n.first_report
        join minqing.join_rules j on j.mine = n.domain || '!' and j.other = minqing.join_key(n.domain, n.kind, n.severity) and j.overlap = 0
        cross join lateral (
            select u.*
            from minqing.cases u
            where u.state = 'assigned' and u.severity < 4 and u.also <> '{}' and st_dwithin(u.location, n.location, j.metres)
            order by u.location <-> n.location
            limit 50
        ) k
        where n.id = any(p_cases) and n.severity = 4 and not n.restricted
          and k.town = n.town and n.domain = any(k.also) and not k.restricted
          and n.observed_from between k.observed_from - make_interval(mins => j.minutes) and k.observed_to + make_interval(mins => j.minutes)
          and k.opened_at > minqing.now() - interval '1 hour'
        order by k.id, n.id
    loop
        perform from minqing.cases l where l.id in (pair.small, pair.large) order by l.id for update;
        select l.* into c from minqing.cases l where l.id = pair.small;
        select l.* into o from minqing.cases l where l.id = pair.large;
        if c.state = 'assigned' then
            before := minqing.case_snapshot(c);
            return query select minqing.merge_case(c, o, who, null, null), o.id, pair.traceparent;
            return query select minqing.finish_change(before, c.id, 'merged', who, null, null,
                                                      jsonb_build_object('into', o.id, 'number', o.number), true, false), c.id, pair.traceparent;
        end if;
    end loop;
end
$$;

-- Places reports: each joins the open case that it fits, or opens one. In: placements whose towns are locked. Unsure ones that fit
-- nothing are left alone. Out: the events.
create function place_reports(p placement[], p_account text, p_message uuid)
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    target jsonb := '{}'; -- report -> case
    still_open uuid[];
    joining minqing.placement[];
    opening minqing.placement[];
    unsure minqing.placement[];
    theirs uuid[];
    leaders integer[];
begin
    if p is null or cardinality(p) = 0 then
        return;
    end if;
    select coalesce(jsonb_object_agg(m.report, m."case"), '{}') into target from minqing.matching_cases(p) m;
    if target <> '{}' then
        -- a case may have been closed since it was looked at
        select array_agg(o.id) into still_open
        from (select c.id from minqing.cases c
              where c.id in (select t.value::uuid from jsonb_each_text(target) t) and c.state in ('assigned', 'signed', 'in_progress', 'suspended')
              order by c.id for update) o;
    end if;
    select array_agg(i order by i.at, i.report) into opening
    from unnest(p) i
    where i.sure and not coalesce((target ->> i.report::text)::uuid = any(still_open), false);
    if opening is not null then
        leaders := minqing.cluster(opening);
        select array_agg(opening[n] order by n) filter (where leaders[n] = n),
               target || coalesce(jsonb_object_agg((opening[n]).report, (opening[leaders[n]])."case") filter (where leaders[n] <> n), '{}')
        into opening, target
        from generate_series(1, cardinality(opening)) n;
        return query select o.event, o.ref, o.traceparent from minqing.open_cases(opening, p_account, p_message, null) o;
        still_open := still_open || array(select o."case" from unnest(opening) o);
        -- what nobody was sure of may be of a case that only now is there
        select array_agg(i) into unsure from unnest(p) i where not i.sure and not target ? i.report::text;
        if unsure is not null then
            select target || coalesce(jsonb_object_agg(m.report, m."case"), '{}') into target from minqing.matching_cases(unsure) m;
        end if;
    end if;
    select array_agg(i order by i.report), array_agg((target ->> i.report::text)::uuid order by i.report) into joining, theirs
    from unnest(p) i
    where (target ->> i.report::text)::uuid = any(still_open);
    if joining is not null then
        return query select j.event, j.ref, j.traceparent from minqing.join_cases(joining, theirs, p_account, p_message) j;
    end if;
    if opening is not null then
        return query select a.event, a.ref, a.traceparent from minqing.absorb_reviews(array(select o."case" from unnest(opening) o)) a;
        return query select a.event, a.ref, a.traceparent from minqing.absorb_cases(array(select o."case" from unnest(opening) o)) a;
        return query
        select b.id, e.ref, r.traceparent
        from minqing.mobilise_by_rule(array(select o."case" from unnest(opening) o)) b (id)
        join minqing.case_events e on e.id = b.id
        join minqing.cases c on c.id = e.ref
        join minqing.reports r on r.id = c.first_report;
    end if;
end
$$;

-- What the dispatcher does with classified reports: cases, or questions to the command centre.
-- In: parallel arrays of report ids and the ids that their cases would get. Out: one row an event.
create function dispatch(p_reports uuid[], p_cases uuid[])
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    placed minqing.placement[];
begin
    perform minqing.lock_towns(array(select r.town from minqing.reports r where r.id = any(p_reports)));

    select array_agg(w) into placed
    from (
        select array_agg(i.report order by i.report) as reports, array_agg(i."case" order by i.report) as cases,
               array_agg(case when c.review then c.model_domain else c.domain end order by i.report) as domains,
               array_agg(case when c.review then null else c.kind end order by i.report) as kinds,
               array_agg(c.severity order by i.report) as severities,
               array_agg(array_to_string(case when c.review then c.also || array_remove(array[c.because #>> '{runner_up,domain}'], null) else c.also end, ',')
                         order by i.report) as hints,
               c.review
        from (select distinct on (u.report) u.* from unnest(p_reports, p_cases) as u (report, "case") order by u.report) i
        join minqing.classifications c on c.report = i.report
        where not exists (select from minqing.reviews v where v.report = i.report)
        group by c.review
    ) s
    cross join lateral minqing.placements(s.reports, s.cases, s.domains, s.kinds, s.severities, s.hints, not s.review) w;
    return query select o.event, o.ref, o.traceparent from minqing.place_reports(placed, null, null) o;

    return query
    with opened as (
        insert into minqing.reviews (report, state, town, severity, opened_at, location, domains)
        select i.report, 'waiting', i.town, i.severity, minqing.now(), i.place, array_remove(array[i.domain], null) || i.hints
        from unnest(placed) i
        where not i.sure and not exists (select from minqing.case_reports k where k.report = i.report)
        order by i.report
        on conflict (report) do nothing
        returning reviews.report, reviews.town, reviews.opened_at
    ),
    announced as (
        insert into minqing.announcements (ref, topic, audience, scope, version)
        select o.report, 3, '', o.town, 1 from opened o
        on conflict on constraint announcements_pkey do nothing
    ),
    events as (
        insert into minqing.case_events (ref, report, at, what, actor, version, state)
        select o.report, o.report, o.opened_at, 'review', 'engine', 1, 'waiting' from opened o
        returning case_events.id, case_events.ref
    )
    select e.id, e.ref, r.traceparent from events e join minqing.reports r on r.id = e.ref order by e.id;
end
$$;
