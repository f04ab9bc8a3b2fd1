-- What the dispatcher does with classified reports, and what cases just opened take in: takes the place of the end of 0008.
set search_path = minqing, public;

-- Merging: the reports of one case go to the other, and those who reported hear its number. Out: why not, or null.
create or replace function merge_case(c cases, o cases, p_who acting, p_note text, p_message uuid) returns bigint language plpgsql as
$$
declare
    before jsonb := minqing.case_snapshot(o);
begin
    update minqing.case_reports m set "case" = o.id where m."case" = c.id;
    update minqing.joinable j
    set observed_from = least(j.observed_from, k.observed_from), observed_to = greatest(j.observed_to, k.observed_to),
        words = case when icount(j.words) < 400 then uniq(sort(j.words || k.words)) else j.words end
    from minqing.joinable k
    where j."case" = o.id and k."case" = c.id;
    update minqing.cases k
    set report_count = k.report_count + c.report_count, severity = greatest(k.severity, c.severity),
        also = case when k.restricted then k.also else array_remove(array(select distinct a from unnest(k.also || c.also || c.domain) a order by a), k.domain) end,
        location = coalesce(k.location, c.location), has_subject = k.has_subject or c.has_subject
    where k.id = o.id;
    -- who led the one, or worked on it, takes part in the other
    perform minqing.add_parts(o.id, array(select a.department from minqing.assignments a
                                          where a."case" = c.id and a.ended_at is null and (a.role = 'lead' or a.state <> 'assigned')
                                          and not exists (select from minqing.assignments b where b."case" = o.id and b.department = a.department
                                                          and b.ended_at is null)), false);
    update minqing.cases k set state = 'merged', merged_into = o.id, closed_at = minqing.now(), request = null, report_count = 0 where k.id = c.id;
    delete from minqing.announcements a where a.ref = c.id and a.topic = 4;
    return minqing.finish_change(before, o.id, 'merged', p_who, p_note, p_message,
                                 jsonb_build_object('from', c.id, 'number', c.number, 'reports', c.report_count), true, true);
end
$$;

-- Waiting reports that the given cases, just opened, take in: those that may be of the case's domain, or speak a critical one's words, and
-- fit it; and of them those that no other case fits better.
create or replace function absorb_reviews(p_cases uuid[]) returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    reports uuid[];
    waiting minqing.placement[];
    fitting minqing.placement[];
    targets uuid[];
begin
    select array_agg(distinct v.report) into reports
    from minqing.joinable c
    join minqing.join_rules j on j.mine = minqing.join_key(c.domain, null, c.severity) and j.other = minqing.join_key(c.domain, c.kind, c.severity)
    cross join lateral (
        select r.report, r.domains
        from minqing.reviews r
        where r.state = 'waiting' and r.town = c.town and r.place <@ minqing.square(c.place, j.metres * minqing.stretch(c.place))
          and (c.severity = 4 or c.domain = any(r.domains))
        union all
        (select r.report, r.domains
         from minqing.reviews r
         where j.overlap = 0 and c.place is not null and r.state = 'waiting' and r.town = c.town and r.place is null
         order by r.opened_at desc
         limit 100)
        union all
        (select r.report, r.domains
         from minqing.reviews r
         where j.overlap = 0 and c.place is null and r.state = 'waiting' and r.town = c.town
         order by r.opened_at desc
         limit 100)
    ) v
    join minqing.classifications k on k.report = v.report
    where c."case" = any(p_cases)
      and (c.domain = any(v.domains) or c.severity = 4 and minqing.covered(k.words, c.words) >= 0.35)
      and (j.overlap = 0 or minqing.covered(k.words, c.words) >= j.overlap);
    if reports is null then
        return;
    end if;
    select array_agg(w order by w.report) into waiting
    from minqing.reviews u
    join minqing.classifications k on k.report = u.report
    cross join lateral minqing.placements(array[u.report], array[null::uuid], array[k.model_domain], array[null::text], array[k.severity],
                                        array[array_to_string(u.domains, ',')], false) w
    where u.report = any(reports);
    if waiting is null then
        return;
    end if;
    targets := minqing.matching_cases(waiting);
    select array_agg(waiting[n] order by n), array_agg(targets[n] order by n) into fitting, targets
    from generate_subscripts(waiting, 1) n
    where targets[n] = any(p_cases);
    if fitting is null then
        return;
    end if;
    return query select j.event, j.ref, j.traceparent from minqing.join_cases(fitting, targets, null, null) j;
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
create or replace function absorb_cases(p_cases uuid[]) returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    pair record;
    c minqing.cases;
    o minqing.cases;
    before jsonb;
    who minqing.acting := row('engine', null, null)::minqing.acting;
begin
    for pair in
        select k."case" as small, n."case" as large, r.traceparent
        from minqing.joinable n
        join minqing.join_rules j on j.mine = n.domain || '!' and j.other = minqing.join_key(n.domain, n.kind, n.severity) and j.overlap = 0
        cross join lateral (
            select u.*
            from minqing.joinable u
            where u.touching and u.place <@ minqing.square(n.place, j.metres * minqing.stretch(n.place))
            order by u.place <-> n.place
            limit 50
        ) k
        join minqing.cases s on s.id = k."case"
        join minqing.cases l on l.id = n."case"
        join minqing.reports r on r.id = l.first_report
        where n."case" = any(p_cases) and n.severity = 4 and not n.restricted
          and k.town = n.town and n.domain = any(s.also) and not k.restricted
          and k.place <-> n.place <= j.metres * minqing.stretch(n.place)
          and n.observed_from between k.observed_from - make_interval(mins => j.minutes) and k.observed_to + make_interval(mins => j.minutes)
          and k.opened_at > minqing.now() - interval '1 hour'
        order by k."case", n."case"
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
begin
    if p is null or cardinality(p) = 0 then
        return;
    end if;
    targets := minqing.matching_cases(p);
    if exists (select from unnest(targets) t where t is not null) then
        -- a case may have been closed since it was looked at
        select coalesce(array_agg(o.id), '{}') into still_open
        from (select c.id from minqing.cases c where c.id = any(targets) and minqing.is_open(c.state) order by c.id for update) o;
    end if;
    select array_agg(p[n] order by p[n].at, p[n].report) filter (where not t.fits and p[n].sure),
           array_agg(p[n] order by p[n].report) filter (where not t.fits and not p[n].sure),
           array_agg(p[n] order by p[n].report) filter (where t.fits), array_agg(targets[n] order by p[n].report) filter (where t.fits)
    into opening, unsure, joining, theirs
    from generate_subscripts(p, 1) n
    cross join lateral (select coalesce(targets[n] = any(still_open), false) as fits) t;

    if opening is not null then
        leaders := minqing.cluster(opening);
        select array_agg(opening[n] order by n) filter (where leaders[n] <> n),
               array_agg(opening[leaders[n]]."case" order by n) filter (where leaders[n] <> n),
               array_agg(opening[n] order by n) filter (where leaders[n] = n),
               array_agg(opening[n]."case" order by n) filter (where leaders[n] = n)
        into followers, led, opening, opened
        from generate_subscripts(leaders, 1) n;
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
        if exists (select from unnest(opening) o where o.severity = 4) then
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

-- Asks the command centre about reports that nobody is sure of. Out: the events.
create function open_reviews(p placement[]) returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
begin
    return query
    with opened as (
        insert into minqing.reviews (report, state, town, severity, opened_at, location, place, domains)
        select i.report, 'waiting', i.town, i.severity, minqing.now(), i.location, i.place, array_remove(array[i.domain], null) || i.hints
        from unnest(p) i
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
    if exists (select from unnest(placed) i where not i.sure) then
        return query select o.event, o.ref, o.traceparent from minqing.open_reviews(placed) o;
    end if;
end
$$;

revoke execute on all functions in schema minqing from public;
grant execute on function flat(geography), stretch(point), shift_of(text), square(point, float8), is_open(text), is_touching(cases),
    make_joinable(uuid[]), keep_joinable(), placements(uuid[], uuid[], text[], text[], smallint[], text[], boolean), matching_cases(placement[]),
    cluster(placement[]), deadlines(timestamptz, integer[], text[]), deadlines_of(routes, smallint), case_state(cases, jsonb), announce_cases(uuid[], boolean),
    open_cases(placement[], text, uuid, jsonb), together(integer[]), join_cases(placement[], uuid[], text, uuid),
    place_reports(placement[], text, uuid), open_reviews(placement[]), dispatch(uuid[], uuid[]) to minqing_dispatcher;
