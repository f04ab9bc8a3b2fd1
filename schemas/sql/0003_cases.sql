-- Opening cases and deciding reviews: the one place that changes cases, reviews and their announcements.
set search_path = minqing, public;

-- Who leads, who supports and how soon, for each kind x area x severity: kind before area before severity.
create function route_of(p_domain text, p_kind text, p_area text, p_severity smallint) returns routes language plpgsql stable as
$$
declare
    found minqing.routes;
begin
    select r.* into found
    from minqing.routes r
    where r.domain = p_domain
      and (r.kind is null or r.kind = p_kind)
      and p_area like r.area || '%'
      and (r.severity is null or r.severity <= p_severity)
    order by r.kind is not null desc, length(r.area) desc, r.severity desc nulls last
    limit 1;
    return found;
end
$$;

-- One history row; returns its id.
create function record_event(p_ref uuid, p_case uuid, p_report uuid, p_what text, p_account text, p_note text, p_message uuid,
                             p_version integer, p_state text, p_data jsonb default null) returns bigint language sql as
$$
    insert into minqing.case_events (ref, "case", report, at, what, account, person, note, message, version, state, data)
    select p_ref, p_case, p_report, minqing.now(), p_what, p_account,
           (select a.person from minqing.accounts a where a.account = p_account), p_note, p_message, p_version, p_state, p_data
    returning id
$$;

-- Opens one case for each of the given reports. All sets, no loop: a batch of 512 costs a handful of statements.
-- In: parallel arrays (report, the id its case gets, domain, kind, severity, also, who decided or null). Reports that have a
-- case already are left alone. Out: one row an event, to be announced.
create function open_cases(p_reports uuid[], p_cases uuid[], p_domains text[], p_kinds text[], p_severities smallint[],
                           p_alsos text[], p_account text, p_message uuid)
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
begin
    return query
    with input as materialized (
        select distinct on (i.report) i.report, i."case", i.domain, i.kind, i.severity, string_to_array(nullif(i.also, ''), ',') as also
        from unnest(p_reports, p_cases, p_domains, p_kinds, p_severities, p_alsos) as i (report, "case", domain, kind, severity, also)
        where not exists (select from minqing.case_reports c where c.report = i.report)
        order by i.report
    ),
    routed as materialized (
        select i.report, i."case", i.domain, i.kind, i.severity, coalesce(i.also, '{}') as also,
               r.account, r.area, r.town, r.location, r.traceparent, route, minqing.now() as at,
               s.sign_minutes as cap_sign, s.handle_minutes as cap_handle,
               -- a case graver than its route expects is no slower than its severity allows
               i.severity > (route).default_severity and s.sign_minutes is not null as graver,
               coalesce(c.disagrees, false) as disagrees
        from input i
        join minqing.reports r on r.id = i.report
        cross join lateral minqing.route_of(i.domain, i.kind, r.area, i.severity) route
        join minqing.severities s on s.severity = i.severity
        left join minqing.classifications c on c.report = i.report
    ),
    counted as (
        insert into minqing.case_counters as k (town, day, last)
        select town, minqing.local_time_of(min(at))::date, count(*) from routed group by town order by town
        on conflict (town, day) do update set last = k.last + excluded.last
        returning k.town, k.day, k.last
    ),
    numbered as (
        select d.*, c.day,
               c.last - count(*) over (partition by d.town) + row_number() over (partition by d.town order by d.report) as n
        from routed d join counted c on c.town = d.town
    ),
    opened as (
        insert into minqing.cases (id, number, town, year, state, domain, kind, also, severity, restricted, area, location,
                                   opened_at, sign_by, handle_by, clock, lead, first_report, disagrees)
        select n."case", t.short_name || '-' || to_char(n.day, 'MMDD') || '-' || to_char(n.n, 'FM999000'), n.town,
               extract(year from n.day), 'assigned', n.domain, n.kind, n.also, n.severity, (n.route).restricted, n.area, n.location,
               n.at,
               case when n.graver then least(minqing.deadline(n.at, (n.route).sign_minutes, (n.route).clock),
                                             n.at + make_interval(mins => n.cap_sign))
                    else minqing.deadline(n.at, (n.route).sign_minutes, (n.route).clock) end,
               case when n.graver then least(minqing.deadline(n.at, (n.route).handle_minutes, (n.route).clock),
                                             n.at + make_interval(mins => n.cap_handle))
                    else minqing.deadline(n.at, (n.route).handle_minutes, (n.route).clock) end,
               (n.route).clock, (n.route).lead, n.report, n.disagrees
        from numbered n
        join minqing.areas t on t.code = n.town
        on conflict (id) do nothing
        returning cases.id, cases.first_report, cases.version, cases.state, cases.opened_at, cases.restricted, cases.severity,
                  cases.domain, cases.also, cases.lead, cases.town
    ),
    attached as (
        insert into minqing.case_reports (report, "case", added_at)
        select o.first_report, o.id, o.opened_at from opened o
    ),
    departments as materialized (
        select o.id, (d.route).lead as department, 'lead' as role from opened o join routed d on d.report = o.first_report
        union
        select o.id, u.department, 'supporting'
        from opened o
        join routed d on d.report = o.first_report
        cross join lateral (
            select unnest((d.route).supporting) as department
            union
            -- the leads of the other domains that the report touches; never where the kind is restricted
            select (minqing.route_of(a, null, d.area, d.severity)).lead from unnest(o.also) a where not o.restricted
        ) u
        where u.department <> (d.route).lead
    ),
    assigned as (
        insert into minqing.assignments ("case", department, role, assigned_at)
        select p.id, p.department, p.role, o.opened_at from departments p join opened o on o.id = p.id
    ),
    events as (
        insert into minqing.case_events (ref, "case", report, at, what, account, person, message, version, state)
        select o.id, o.id, o.first_report, o.opened_at, 'opened', p_account,
               (select a.person from minqing.accounts a where a.account = p_account), p_message, o.version, o.state
        from opened o
        returning case_events.id, case_events.ref, case_events.report
    ),
    announced as (
        insert into minqing.announcements (ref, topic, audience, scope, version)
        select p.id, case when o.restricted then 2 else 1 end, p.department, o.town, o.version
        from departments p join opened o on o.id = p.id
        where p.department <> 'command_centre' or o.restricted
        union all
        -- the command centre hears of what is critical at once, and of the bare existence of what is restricted
        select o.id, 1, 'command_centre', o.town, o.version from opened o where o.severity = 4 or o.restricted
        union all
        select o.id, 4, d.account, '', o.version
        from opened o
        join routed d on d.report = o.first_report
        join minqing.accounts a on a.account = d.account and a.role = 'device'
        on conflict on constraint announcements_pkey do nothing
    )
    select e.id, e.ref, d.traceparent from events e join routed d on d.report = e.report order by e.id;
end
$$;

-- What the dispatcher does with classified reports: opens cases, or asks the command centre.
-- In: parallel arrays of report ids and the ids their cases get. Out: one row an event.
create function dispatch(p_reports uuid[], p_cases uuid[])
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
begin
    return query
    select o.event, o.ref, o.traceparent
    from (
        select array_agg(i.report order by i.report) as reports, array_agg(i."case" order by i.report) as cases,
               array_agg(c.domain order by i.report) as domains, array_agg(c.kind order by i.report) as kinds,
               array_agg(c.severity order by i.report) as severities,
               array_agg(array_to_string(c.also, ',') order by i.report) as alsos
        from unnest(p_reports, p_cases) as i (report, "case")
        join minqing.classifications c on c.report = i.report
        where not c.review
    ) s
    cross join lateral minqing.open_cases(s.reports, s.cases, s.domains, s.kinds, s.severities, s.alsos, null, null) o;

    return query
    with opened as (
        insert into minqing.reviews (report, state, town, severity, opened_at)
        select distinct on (c.report) c.report, 'waiting', r.town, c.severity, minqing.now()
        from unnest(p_reports) as i (report)
        join minqing.classifications c on c.report = i.report
        join minqing.reports r on r.id = c.report
        where c.review and not exists (select from minqing.case_reports k where k.report = c.report)
        order by c.report
        on conflict (report) do nothing
        returning reviews.report, reviews.town, reviews.opened_at
    ),
    announced as (
        insert into minqing.announcements (ref, topic, audience, scope, version)
        select o.report, 3, '', o.town, 1 from opened o
        on conflict on constraint announcements_pkey do nothing
    ),
    events as (
        insert into minqing.case_events (ref, report, at, what, version, state)
        select o.report, o.report, o.opened_at, 'review', 1, 'waiting' from opened o
        returning case_events.id, case_events.ref
    )
    select e.id, e.ref, r.traceparent from events e join minqing.reports r on r.id = e.ref order by e.id;
end
$$;

-- The command centre's answer about a waiting report: a domain (or kind), or none of the ten.
-- In: the action as decoded, the acting account and the town of its topic. Out: the reply, and the events to announce.
-- The same action id with the same bytes gets its first reply again.
create function decide_review(p_action uuid, p_sha256 bytea, p_account text, p_area text, p_report uuid, p_case uuid, p_domain text,
                              p_kind text, p_severity smallint, p_dismiss boolean, p_note text)
returns table (reply jsonb, event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    review minqing.reviews;
    reported minqing.reports;
    answer jsonb;
    before minqing.actions;
    refused text;
    chosen_domain text;
    chosen_severity smallint;
    now_at timestamptz := minqing.now();
    done_event bigint;
    opened_event bigint;
    opened_trace text;
    opened_number text;
begin
    -- the row to be decided first, so that two deciders of one report take turns before either looks
    select r.* into review from minqing.reviews r where r.report = p_report for update;
    select a.* into before from minqing.actions a where a.id = p_action;
    if found then
        if before.account = p_account and before.payload_sha256 = p_sha256 then
            return query select before.reply, null::bigint, null::uuid, null::text;
        else
            return query select jsonb_build_object('v', 1, 'action', p_action, 'done', false,
                'reason', 'this id was used for another action: choose a new one'), null::bigint, null::uuid, null::text;
        end if;
        return;
    end if;
    select r.* into reported from minqing.reports r where r.id = p_report;

    chosen_domain := coalesce(split_part(p_kind, '.', 1), p_domain);
    if review.report is null then
        refused := case when reported.id is null or reported.town not like p_area || '%' then 'no such report in this area'
                        else 'this report is not waiting for review' end;
    elsif review.town not like p_area || '%' then
        refused := 'no such report in this area';
    elsif not exists (select from minqing.accounts a
                      where a.account = p_account and a.role = 'operator' and not a.locked and review.town like a.area || '%') then
        refused := 'only an operator of the area decides reviews';
    elsif review.state <> 'waiting' then
        refused := 'this report is decided already';
    elsif p_dismiss and coalesce(p_note, '') = '' then
        refused := 'a refusal needs a note that says why';
    elsif not p_dismiss and chosen_domain is null then
        refused := 'a decision names a domain or a kind';
    elsif p_kind is not null and not exists (select from minqing.kinds k where k.code = p_kind) then
        refused := 'kind ' || p_kind || ' is not in the catalogue';
    elsif p_kind is not null and p_domain is not null and p_domain <> chosen_domain then
        refused := 'kind ' || p_kind || ' does not belong to domain ' || p_domain;
    end if;
    if refused is not null then
        answer := jsonb_strip_nulls(jsonb_build_object('v', 1, 'action', p_action, 'done', false, 'reason', refused, 'state', review.state,
            'allowed', case when review.state = 'waiting' then '["decide", "refuse"]'::jsonb else '[]'::jsonb end));
        insert into minqing.actions (id, account, at, payload_sha256, reply) values (p_action, p_account, now_at, p_sha256, answer)
        on conflict (id) do nothing;
        return query select answer, null::bigint, null::uuid, null::text;
        return;
    end if;

    chosen_severity := coalesce(p_severity, (select k.severity from minqing.kinds k where k.code = p_kind), review.severity);
    update minqing.reviews r
    set state = 'decided', version = r.version + 1, decided_at = now_at, decided_by = p_account, note = p_note,
        domain = case when p_dismiss then null else chosen_domain end, kind = case when p_dismiss then null else p_kind end
    where r.report = p_report
    returning r.* into review;
    update minqing.announcements a
    set version = review.version, live = false, ended_at = now_at
    where a.ref = p_report and a.topic = 3;
    insert into minqing.examples (at, report, source, domain, kind, severity, account)
    values (now_at, p_report, 'review', review.domain, review.kind, case when p_dismiss then null else chosen_severity end, p_account)
    on conflict on constraint examples_report_source_key do update
    set domain = excluded.domain, kind = excluded.kind, severity = excluded.severity, at = excluded.at, account = excluded.account;
    done_event := minqing.record_event(p_report, null, p_report, case when p_dismiss then 'refused' else 'decided' end, p_account, p_note,
                                       p_action, review.version, review.state,
                                       jsonb_strip_nulls(jsonb_build_object('domain', review.domain, 'kind', review.kind)));
    if p_dismiss then
        -- the reporter hears of it although there is no case
        insert into minqing.announcements (ref, topic, audience, scope, version)
        select p_report, 4, reported.account, '', 1 from minqing.accounts a where a.account = reported.account and a.role = 'device'
        on conflict on constraint announcements_pkey do update set version = announcements.version + 1;
    else
        select o.event, o.traceparent into opened_event, opened_trace
        from minqing.open_cases(array[p_report], array[p_case], array[chosen_domain], array[p_kind], array[chosen_severity], array[''],
                                p_account, p_action) o;
        select c.number into opened_number from minqing.cases c where c.id = p_case;
    end if;
    answer := jsonb_strip_nulls(jsonb_build_object('v', 1, 'action', p_action, 'done', true, 'state', 'decided',
        'case', case when p_dismiss then null else p_case end, 'number', opened_number));
    insert into minqing.actions (id, account, at, payload_sha256, reply) values (p_action, p_account, now_at, p_sha256, answer);
    return query select answer, done_event, p_report, reported.traceparent;
    if opened_event is not null then
        return query select null::jsonb, opened_event, p_case, opened_trace;
    end if;
end
$$;
