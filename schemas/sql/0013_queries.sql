-- The read side. Who may read what is row-level security that binds the role minqing_query alone: the account that asks stands in
-- the setting minqing.account for the length of a transaction, and each policy compares with it. Views named v_asker… read with
-- their owner's rights what a policy has to look at, so that no policy asks for itself. What anybody else than minqing_query may
-- read or write is settled by grants, as before.
set search_path = minqing, public;

do
$$
begin
    if not exists (select from pg_roles where rolname = 'minqing_query') then
        create role minqing_query login;
    end if;
end
$$;

-- Tables ----------------------------------------------------------------------------------------------------------

create table report_index (
    report  uuid primary key references reports (id),
    account text not null,
    at      timestamptz not null,
    grams   text[] not null
);
comment on table report_index is 'What the read side searches: two-character pieces of each dispatched report as others may read it, and who reported. Filled by the query service, off the way of reports.';
create index report_index_grams on report_index using gin (grams);
create index report_index_account on report_index (account, at desc);

alter table audit_entries
    add column "case" uuid references cases (id),
    add column report uuid references reports (id),
    add column visit uuid references visits (id),
    add column department text references departments (code);
comment on column audit_entries.ref is 'What was asked for: a case, a report or a visit.';
create index audit_entries_at on audit_entries (at);
create index audit_entries_case on audit_entries ("case", id);

create index cases_town on cases (town, opened_at desc, id desc);
create index cases_number on cases (number);

-- Who asks, and what its policies look at -------------------------------------------------------------------------

-- A village's desk serves its village alone, an operator at least a town, as at the broker. A locked account is nobody.
create view v_asker as
select a.account, a.role, a.person, a.department,
       case a.role when 'device' then a.area when 'desk' then left(a.area, 12) else left(a.area, 9) end as area
from accounts a
where a.account = current_setting('minqing.account', true) and not a.locked and a.role in ('device', 'desk', 'operator');

-- In what follows the asker is a scalar subquery wherever possible: looked up once a statement, not once a row.
create view v_asker_parts as
select p."case", p.department, p.role, p.state
from assignments p
where p.department = (select a.department from v_asker a where a.role = 'desk') and p.ended_at is null;

create view v_asker_reports as
select k."case", r.id as report
from case_reports k
join reports r on r.id = k.report
where r.account = (select a.account from v_asker a);

-- Which case a report belongs to, for statements that look only at cases which the asker sees.
create view v_case_of as
select k.report, k."case" from case_reports k;

-- Reports that wait for the command centre, or were refused by it: they have no case.
create view v_asker_reviews as
select v.report
from reviews v
where starts_with(v.town, (select a.area from v_asker a where a.role = 'operator'))
  and not exists (select from case_reports k where k.report = v.report);

-- All that an operator may know of a restricted case.
create view v_asker_restricted as
select c.id, c.number, c.version, c.state_version, c.state, c.severity, c.town, c.opened_at, c.sign_by, c.handle_by, c.exercise
from cases c
where c.restricted and starts_with(c.town, (select a.area from v_asker a where a.role = 'operator'));

-- That it was looked into, when and by which department.
create view v_asker_restricted_audit as
select e.id, e.at, e.what, e.department, c.number
from audit_entries e
join v_asker_restricted c on c.id = e."case";

create view v_asker_visits as
select v.id
from visits v
where v.account = (select a.account from v_asker a)
   or starts_with(v.area, (select a.area from v_asker a where a.role = 'operator' or a.role = 'desk' and a.department = 'civil_affairs'));

create view v_asker_officers as
select d.account, p.name, p.unit, u.name as unit_name, d.area, t.kind, t.state, t.exercise, t.made_at, t."case", t.number
from accounts d
left join persons p on p.id = d.person
left join units u on u.code = p.unit
left join lateral (
    select k.kind, k.state, k.exercise, k.made_at, c.number, case when not c.restricted then c.id end as "case"
    from tasks k
    join cases c on c.id = k."case"
    where k.device = d.account and k.state in ('called', 'acknowledged', 'arrived')
    order by k.made_at desc
    limit 1
) t on true
where d.role = 'device' and not d.locked and starts_with(d.area, (select a.area from v_asker a where a.role = 'operator'));

-- Policies --------------------------------------------------------------------------------------------------------

-- Everybody keeps what grants give; the restrictive policy binds minqing_query alone and costs the others nothing.
do
$$
declare
    name text;
begin
    foreach name in array array['cases', 'case_reports', 'case_events', 'reports', 'classifications', 'reviews', 'assignments', 'visits',
                                'mobilisations', 'tasks', 'audit_entries'] loop
        execute format('alter table minqing.%I enable row level security', name);
        execute format('create policy everybody on minqing.%I using (true) with check (true)', name);
    end loop;
end
$$;

create policy asker on cases as restrictive for select to minqing_query using (
    case (select a.role from minqing.v_asker a)
        when 'operator' then not restricted and starts_with(town, (select a.area from minqing.v_asker a))
        when 'desk' then starts_with(area, (select a.area from minqing.v_asker a))
            and exists (select from minqing.v_asker_parts p where p."case" = cases.id)
        when 'device' then exists (select from minqing.v_asker_reports r where r."case" = cases.id)
        else false
    end);

-- What follows leans on the policy of cases: the subquery sees of them only what the asker sees.
create policy asker on case_reports as restrictive for select to minqing_query using (
    case (select a.role from minqing.v_asker a)
        when 'device' then exists (select from minqing.v_asker_reports r where r.report = case_reports.report)
        else exists (select from minqing.cases c where c.id = case_reports."case")
    end);

create policy asker on reports as restrictive for select to minqing_query using (
    case (select a.role from minqing.v_asker a)
        when 'device' then account = (select a.account from minqing.v_asker a)
        else exists (select from minqing.case_reports k where k.report = reports.id)
            or exists (select from minqing.v_asker_reviews v where v.report = reports.id)
    end);

create policy asker on classifications as restrictive for select to minqing_query using (
    exists (select from minqing.reports r where r.id = classifications.report));

create policy asker on reviews as restrictive for select to minqing_query using (
    exists (select from minqing.reports r where r.id = reviews.report));

create policy asker on case_events as restrictive for select to minqing_query using (
    case when (select a.role from minqing.v_asker a) = 'device' then false
         when "case" is not null then exists (select from minqing.cases c where c.id = case_events."case")
         else exists (select from minqing.reports r where r.id = case_events.report) end);

create policy asker on assignments as restrictive for select to minqing_query using (
    (select a.role from minqing.v_asker a) <> 'device' and exists (select from minqing.cases c where c.id = assignments."case"));

create policy asker on mobilisations as restrictive for select to minqing_query using (
    (select a.role from minqing.v_asker a) <> 'device' and exists (select from minqing.cases c where c.id = mobilisations."case"));

create policy asker on tasks as restrictive for select to minqing_query using (
    case (select a.role from minqing.v_asker a)
        when 'device' then device = (select a.account from minqing.v_asker a)
        else exists (select from minqing.cases c where c.id = tasks."case")
    end);

create policy asker on visits as restrictive for select to minqing_query using (
    exists (select from minqing.v_asker_visits v where v.id = visits.id));

create policy asker on audit_entries as restrictive for select to minqing_query using (
    (select a.role from minqing.v_asker a) <> 'device'
    and (exists (select from minqing.cases c where c.id = audit_entries."case")
         or "case" is null and exists (select from minqing.visits v where v.id = audit_entries.visit)));

-- Nobody writes down a reading in another's name.
create policy asker_writes on audit_entries as restrictive for insert to minqing_query with check (
    account = (select a.account from minqing.v_asker a));

-- The search index ------------------------------------------------------------------------------------------------

-- Lower-cased, without punctuation and spaces, in distinct pieces of two characters; of a single character that one.
create function bigrams(p_text text) returns text[] language plpgsql immutable strict parallel safe as
$$
declare
    letters text[] := regexp_split_to_array(regexp_replace(lower(p_text), '[[:punct:][:space:]，。！？、；：“”‘’（）《》【】…—～·]+', '', 'g'), '');
begin
    return case when cardinality(letters) < 2 then array_remove(letters, '')
                else array(select distinct letters[i] || letters[i + 1] from generate_series(1, cardinality(letters) - 1) i) end;
end
$$;
comment on function bigrams is 'What texts are searched by: pg_trgm finds nothing in Chinese.';

-- In: events; those that brought a report to a case put it into the index. Out: how many were new to it.
create function index_reports(p_events bigint[]) returns integer language plpgsql security definer set search_path = minqing, public, pg_temp as
$$
declare
    added integer;
begin
    insert into minqing.report_index (report, account, at, grams)
    select r.id, r.account, r.received_at, minqing.bigrams(minqing.shown_text(r))
    from unnest(p_events) i (event)
    join minqing.case_events e on e.id = i.event and e."case" is not null
    join minqing.case_reports k on k.report = e.report
    join minqing.reports r on r.id = k.report
    where not exists (select from minqing.report_index x where x.report = k.report)
    on conflict (report) do nothing;
    get diagnostics added = row_count;
    return added;
end
$$;

-- Reports that belong to a case and are not in the index, as the elements that the dispatcher passes on.
create function unindexed_elements(p_position text, p_upto text, p_limit integer)
returns table (element text, "position" text) language plpgsql stable security definer set search_path = minqing, public, pg_temp as
$$
begin
    return query
    select minqing.dispatched_element(e.id, k."case", null), e.xid::text
    from minqing.case_events e
    join minqing.case_reports k on k.report = e.report
    where e.xid >= p_position::xid8 and e.xid < p_upto::xid8
      and e."case" is not null
      and not exists (select from minqing.report_index x where x.report = e.report)
    order by e.xid
    limit p_limit;
end
$$;

-- Words of a search; each is looked for as its two-character pieces. Null: there is none of two characters.
create function search_grams(p_text text) returns text[] language sql immutable as
$$
    select array_agg(distinct g)
    from regexp_split_to_table(p_text, '[[:space:]]+') w
    cross join lateral unnest(minqing.bigrams(w)) g
    where length(g) = 2
$$;

-- What the answers share ------------------------------------------------------------------------------------------

-- The cursor of a page is where the last row of the one before stood: rows that are added meanwhile shift nothing.
create function cursor_of(at timestamptz, id text) returns text language sql immutable as
$$ select (extract(epoch from at) * 1000000)::bigint || '~' || id $$;

create function cursor_time(p_cursor text) returns timestamptz language sql immutable as
$$ select to_timestamp(0) + split_part(p_cursor, '~', 1)::bigint * interval '1 microsecond' $$;

-- The larger of two areas that lie in each other; null where they do not.
create function area_within(p_area text, p_of text) returns text language sql immutable as
$$ select case when starts_with(p_area, p_of) then p_area when starts_with(p_of, p_area) then p_of end $$;

-- Past the deadline that is next.
create function is_overdue(state text, sign_by timestamptz, handle_by timestamptz, at timestamptz) returns boolean language sql immutable as
$$
    select state in ('assigned', 'signed', 'in_progress', 'suspended') and (handle_by < at or state = 'assigned' and sign_by < at)
$$;

create function no_such(p_what text) returns jsonb language sql immutable as
$$ select jsonb_build_object('reason', 'no such ' || p_what || ', or it is not for this account to see') $$;

-- One page of rows: those that fit, and the cursor of the next. In: rows, their cursors, both in order and one more than asked for.
create function page(p_name text, p_rows jsonb[], p_cursors text[], p_limit integer) returns jsonb language sql immutable as
$$
    select jsonb_build_object(p_name, coalesce(jsonb_agg(f.r order by f.n), '[]'))
           || case when count(*) < cardinality(p_rows) then jsonb_build_object('next', max(f.c) filter (where f.last)) else '{}' end
    from (
        select s.r, s.c, s.n, s.n = max(s.n) over () as last
        from (
            -- an answer stays below the broker's message_size_limit
            select u.r, u.c, u.n, sum(octet_length(u.r::text)) over (order by u.n) as size
            from unnest(p_rows, p_cursors) with ordinality as u (r, c, n)
            where u.n <= p_limit
        ) s
        where s.size < 1800000 or s.n = 1
    ) f
$$;

-- Cases as lists show them, by row-level security; for an operator also the bare lines of restricted ones.
create view v_case_lines with (security_invoker = true) as
select c.id, c.number, c.version, c.state_version, c.state, c.domain, c.kind, c.severity, c.restricted, c.exercise, c.town, c.area, c.lead,
       c.opened_at, c.sign_by, c.handle_by, c.report_count, c.first_report
from cases c
union all
select r.id, r.number, r.version, r.state_version, r.state, null, null, r.severity, true, r.exercise, r.town, r.town, null,
       r.opened_at, r.sign_by, r.handle_by, null, null
from v_asker_restricted r;

-- Answers ---------------------------------------------------------------------------------------------------------
-- Each takes the question and gives the members of the answer; a member `reason` says why there are none.

-- An operator's view of a restricted case.
create function redacted_case(p_case uuid, p_number text) returns jsonb
language plpgsql stable security definer set search_path = minqing, public, pg_temp as
$$
begin
    return (select minqing.case_message(c, true)::jsonb
            from minqing.v_asker_restricted v
            join minqing.cases c on c.id = v.id
            where v.id = p_case or v.number = p_number
            order by v.opened_at desc
            limit 1);
end
$$;

create function allowed_to_asker(p_case uuid) returns jsonb language plpgsql stable security definer set search_path = minqing, public, pg_temp as
$$
begin
    return (select coalesce(to_jsonb(minqing.allowed_actions(p_case, a.account)), '[]') from minqing.v_asker a);
end
$$;

create function answer_case(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    asker minqing.v_asker;
    found_case minqing.cases;
    message jsonb;
begin
    select a.* into asker from minqing.v_asker a;
    select c.* into found_case
    from minqing.cases c
    where c.id = (q->>'case')::uuid or c.number = q->>'number'
    order by c.opened_at desc
    limit 1;
    if found_case.id is null then
        message := minqing.redacted_case((q->>'case')::uuid, q->>'number');
        if message is null then
            return minqing.no_such('case');
        end if;
        return jsonb_build_object('case', message || jsonb_build_object('allowed', minqing.allowed_to_asker((message->>'case')::uuid)));
    end if;
    if asker.role = 'device' then
        return jsonb_build_object('case', minqing.status_message(found_case.id, asker.account, found_case.version)::jsonb);
    end if;
    -- of one that was merged into a case which the asker does not see, the reports went there
    message := coalesce(minqing.case_message(found_case, false)::jsonb, minqing.bare_case(found_case))
        || jsonb_build_object('allowed', minqing.allowed_to_asker(found_case.id), 'events', minqing.case_history(found_case.id, 1000));
    if octet_length(message::text) > 1900000 then
        message := jsonb_set(message || jsonb_build_object('events', minqing.case_history(found_case.id, 100)), '{reports,latest}',
            (select jsonb_agg(r || jsonb_build_object('text', left(r->>'text', 500))) from jsonb_array_elements(message #> '{reports,latest}') r));
    end if;
    return jsonb_build_object('case', message);
end
$$;

create function bare_case(c cases) returns jsonb language plpgsql stable as
$$
begin
    return jsonb_build_object('v', 1, 'case', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version, 'state', c.state,
        'domain', c.domain, 'kind', c.kind, 'severity', c.severity, 'restricted', c.restricted, 'area', c.area, 'lead', c.lead,
        'opened_at', minqing.wire_time(c.opened_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by));
end
$$;

create function case_history(p_case uuid, p_limit integer) returns jsonb language plpgsql stable as
$$
begin
    return (
        select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('at', minqing.wire_time(e.at), 'what', e.what, 'by', e.account,
                                                                        'person', p.name, 'department', e.department, 'state', e.state,
                                                                        'version', e.version, 'note', e.note)) order by e.id), '[]')
        from (select v.* from minqing.case_events v where v.ref = p_case order by v.id desc limit p_limit) e
        left join minqing.persons p on p.id = e.person
    );
end
$$;

-- A device's cases are the progress of what it reported.
create function answer_progress(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    v_limit integer := coalesce((q->>'limit')::integer, 50);
    v_after text := q->>'after';
    v_rows jsonb[];
    v_cursors text[];
    v_total bigint;
begin
    with mine as materialized (
        select distinct k."case" as id
        from minqing.v_asker a
        join minqing.report_index x on x.account = a.account
        join minqing.case_reports k on k.report = x.report
    ),
    lines as (
        select c.id, c.number, c.version, c.state, c.domain, c.kind, c.lead, l.name_zh as lead_name, c.opened_at
        from mine m
        join minqing.cases c on c.id = m.id
        join minqing.departments l on l.code = c.lead
        where (q->>'state' is null or c.state = q->>'state')
          and (q->>'domain' is null or c.domain = q->>'domain')
    ),
    shown as (
        select l.*
        from lines l
        where v_after is null or (l.opened_at, l.id) < (minqing.cursor_time(v_after), split_part(v_after, '~', 2)::uuid)
        order by l.opened_at desc, l.id desc
        limit v_limit + 1
    )
    select array_agg(jsonb_build_object('case', s.id, 'number', s.number, 'version', s.version, 'state', s.state, 'domain', s.domain,
                                        'kind', s.kind, 'lead', s.lead, 'lead_name', s.lead_name, 'opened_at', minqing.wire_time(s.opened_at))
                     order by s.opened_at desc, s.id desc),
           array_agg(minqing.cursor_of(s.opened_at, s.id::text) order by s.opened_at desc, s.id desc),
           (select least(count(*), 1000) from lines)
    into v_rows, v_cursors, v_total
    from shown s;
    return minqing.page('cases', coalesce(v_rows, '{}'), v_cursors, v_limit) || jsonb_build_object('total', v_total);
end
$$;

-- The conditions that a question about cases makes, as SQL over a line l, the question $1, the grams of its text $2 and now $3.
create function case_conditions(q jsonb, p_asker v_asker) returns text language sql immutable as
$$
    select coalesce(string_agg(c.condition, ' and '), 'true')
    from (values
        (q ? 'state', 'l.state = $1->>''state'''),
        (q ? 'domain', 'l.domain = $1->>''domain'''),
        (q ? 'kind', 'l.kind = $1->>''kind'''),
        (q ? 'severity', 'l.severity >= ($1->>''severity'')::smallint'),
        (q ? 'department', 'exists (select from minqing.assignments p where p."case" = l.id and p.department = $1->>''department'' and p.ended_at is null)'),
        (length(q->>'area') > 9, 'starts_with(l.area, $1->>''area'')'),
        (length(q->>'area') < 9, 'starts_with(l.town, $1->>''area'')'),
        (length(q->>'area') >= 9, 'l.town = left($1->>''area'', 9)'),
        (q ? 'overdue', 'minqing.is_overdue(l.state, l.sign_by, l.handle_by, $3) = ($1->>''overdue'')::boolean'),
        (q ? 'from', 'l.opened_at >= ($1->>''from'')::timestamptz'),
        (q ? 'to', 'l.opened_at < ($1->>''to'')::timestamptz'),
        -- never a bare line: whether it has a word would tell what it is about
        (q ? 'text', 'l.first_report is not null and l.id in (select k."case" from minqing.report_index x join minqing.v_case_of k on k.report = x.report where x.grams @> $2)'),
        -- said again beside the policy, with the very department, so that the plan can begin with its cases
        (p_asker.role = 'desk', format('l.id in (select p."case" from minqing.v_asker_parts p where p.department = %L)', p_asker.department))
    ) as c (asked, condition)
    where c.asked
$$;

create function answer_cases(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    asker minqing.v_asker;
    v_limit integer := coalesce((q->>'limit')::integer, 50);
    v_after text := q->>'after';
    v_now timestamptz := minqing.now();
    v_grams text[];
    v_where text;
    v_rows jsonb[];
    v_cursors text[];
    v_total bigint;
begin
    select a.* into asker from minqing.v_asker a;
    if v_after !~ '^[0-9]{1,17}~[0-9a-f-]{36}$' then
        return '{"reason": "after is not a cursor of this question"}';
    end if;
    if asker.role = 'device' then
        return minqing.answer_progress(q);
    end if;
    if minqing.area_within(coalesce(q->>'area', asker.area), asker.area) is null then
        return jsonb_build_object('reason', 'area ' || (q->>'area') || ' is not in yours, ' || asker.area);
    end if;
    q := q || jsonb_build_object('area', minqing.area_within(coalesce(q->>'area', asker.area), asker.area));
    if q ? 'text' then
        v_grams := minqing.search_grams(q->>'text');
        if v_grams is null then
            return '{"reason": "text must have a word of two characters at least"}';
        end if;
    end if;
    -- planned anew each time, so that the plan fits what is asked
    v_where := minqing.case_conditions(q, asker);
    execute format('select count(*) from (select from minqing.v_case_lines l where %s limit 1000) n', v_where)
    into v_total using q, v_grams, v_now;
    execute format($page$
        with shown as materialized (
            select l.*
            from minqing.v_case_lines l
            where %s and ($4::timestamptz is null or (l.opened_at, l.id) < ($4, $5))
            order by l.opened_at desc, l.id desc
            limit $6
        )
        select array_agg(jsonb_strip_nulls(jsonb_build_object('case', s.id, 'number', s.number, 'version', s.version,
                   'state_version', s.state_version, 'state', s.state, 'domain', s.domain, 'domain_name', d.name_zh, 'kind', s.kind,
                   'kind_name', k.name_zh, 'severity', s.severity, 'restricted', s.restricted, 'exercise', s.exercise, 'area', s.area,
                   'area_name', minqing.area_name(s.area), 'lead', s.lead, 'lead_name', l.name_zh, 'role', p.role, 'part', p.state,
                   'opened_at', minqing.wire_time(s.opened_at), 'sign_by', minqing.wire_time(s.sign_by),
                   'handle_by', minqing.wire_time(s.handle_by), 'overdue', minqing.is_overdue(s.state, s.sign_by, s.handle_by, $3),
                   'reports', s.report_count, 'summary', left(minqing.shown_text(f), 80)))
                   order by s.opened_at desc, s.id desc),
               array_agg(minqing.cursor_of(s.opened_at, s.id::text) order by s.opened_at desc, s.id desc)
        from shown s
        left join minqing.domains d on d.code = s.domain
        left join minqing.kinds k on k.code = s.kind
        left join minqing.departments l on l.code = s.lead
        left join minqing.v_asker_parts p on p."case" = s.id
        left join minqing.reports f on f.id = s.first_report
    $page$, v_where)
    into v_rows, v_cursors
    using q, v_grams, v_now, minqing.cursor_time(v_after), split_part(v_after, '~', 2)::uuid, v_limit + 1;
    return minqing.page('cases', coalesce(v_rows, '{}'), v_cursors, v_limit) || jsonb_build_object('total', v_total);
end
$$;

create function answer_report(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    asker minqing.v_asker;
    reported minqing.reports;
    v_case uuid;
begin
    select a.* into asker from minqing.v_asker a;
    select r.* into reported from minqing.reports r where r.id = (q->>'report')::uuid;
    if reported.id is null then
        return minqing.no_such('report');
    end if;
    v_case := (select k."case" from minqing.case_reports k where k.report = reported.id);
    return jsonb_build_object('report', jsonb_strip_nulls(jsonb_build_object(
        'report', (
            select to_jsonb(x)
            from (
                select reported.id, reported.account, p.name as person, minqing.wire_time(reported.observed_at) as observed_at,
                       minqing.wire_time(reported.received_at) as received_at, minqing.shown_text(reported) as text,
                       reported.masked is not null as masked, reported.area, minqing.area_name(reported.area) as area_name,
                       reported.area_from, reported.area_conflict, reported.location_given as location, reported.domain, reported.kind,
                       reported.severity, reported.origin, reported.attachments, reported.subject_key, reported.traceparent
                from (select reported.person as id) i
                left join minqing.persons p on p.id = i.id
            ) x),
        'classification', (
            select to_jsonb(x)
            from (
                select minqing.wire_time(c.at) as at, c.domain, c.kind, c.severity, c.review, c.disagrees, c.also, c.model_domain,
                       c.model_kind, c.probability, c.model_severity, c.because, c.model
                from minqing.classifications c
                where c.report = reported.id
            ) x),
        'review', (
            select to_jsonb(x)
            from (
                select v.state, v.version, v.severity, minqing.wire_time(v.opened_at) as opened_at,
                       minqing.wire_time(v.decided_at) as decided_at, v.decided_by, v.domain, v.kind, v.note
                from minqing.reviews v
                where v.report = reported.id
            ) x),
        'case', (
            select case when asker.role = 'device' then
                jsonb_build_object('id', c.id, 'number', c.number, 'version', c.version, 'state', c.state, 'domain', c.domain,
                                   'kind', c.kind, 'lead', c.lead)
            else
                jsonb_build_object('id', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version,
                    'state', c.state, 'domain', c.domain, 'kind', c.kind, 'also', c.also, 'severity', c.severity,
                    'restricted', c.restricted, 'area', c.area, 'opened_at', minqing.wire_time(c.opened_at),
                    'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by), 'lead', c.lead,
                    'report_count', c.report_count, 'disagrees', c.disagrees,
                    'parts', (select jsonb_agg(jsonb_build_object('department', a.department, 'role', a.role, 'state', a.state)
                                               order by a.role, a.department)
                              from minqing.assignments a
                              where a."case" = c.id))
            end
            from minqing.cases c
            where c.id = v_case),
        'events', (
            select jsonb_agg(jsonb_build_object('event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what, 'account', e.account,
                                                'person', p.name, 'note', e.note, 'state', e.state, 'version', e.version) order by e.id)
            from (select v.* from minqing.case_events v where v.ref in (reported.id, v_case) order by v.id desc limit 200) e
            left join minqing.persons p on p.id = e.person))));
end
$$;

-- What waits for the command centre, gravest first, then oldest. The cursor begins with the severity.
create function answer_review(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    asker minqing.v_asker;
    v_limit integer := coalesce((q->>'limit')::integer, 50);
    v_after text := q->>'after';
    v_area text;
    v_rows jsonb[];
    v_cursors text[];
    v_total bigint;
begin
    select a.* into asker from minqing.v_asker a;
    v_area := minqing.area_within(coalesce(q->>'area', asker.area), asker.area);
    if asker.role <> 'operator' then
        return '{"reason": "reviews are for operators of the command centre"}';
    elsif v_area is null then
        return jsonb_build_object('reason', 'area ' || (q->>'area') || ' is not in yours, ' || asker.area);
    elsif v_after !~ '^[0-9]{1,17}~[1-4][0-9a-f-]{36}$' then
        return '{"reason": "after is not a cursor of this question"}';
    end if;
    with waiting as (
        select v.report, v.severity, v.opened_at, v as review
        from minqing.reviews v
        join minqing.reports r on r.id = v.report
        where v.state = 'waiting' and starts_with(r.area, v_area)
    ),
    shown as (
        select w.*
        from waiting w
        where v_after is null
           or (5 - w.severity, w.opened_at, w.report) > (5 - substr(split_part(v_after, '~', 2), 1, 1)::integer, minqing.cursor_time(v_after),
                                                         substr(split_part(v_after, '~', 2), 2)::uuid)
        order by w.severity desc, w.opened_at, w.report
        limit v_limit + 1
    )
    select array_agg(minqing.review_message(s.review)::jsonb order by s.severity desc, s.opened_at, s.report),
           array_agg(minqing.cursor_of(s.opened_at, s.severity || s.report::text) order by s.severity desc, s.opened_at, s.report),
           (select count(*) from (select from waiting limit 1000) n)
    into v_rows, v_cursors, v_total
    from shown s;
    return minqing.page('reviews', coalesce(v_rows, '{}'), v_cursors, v_limit) || jsonb_build_object('total', v_total);
end
$$;

-- Sealed personal data, and the audit row of the reading in the same transaction. What is sealed is opened after the commit, by the
-- service, which alone has the key.
-- Out: one row with a reason (refused), or one row a person: who told it and when (JSON), key, sealed bytes and their context.
create function answer_subject(q jsonb)
returns table (reason text, subject jsonb, seal_key text, sealed bytea, context uuid) language plpgsql as
$$
declare
    asker minqing.v_asker;
    v_case uuid := (q->>'case')::uuid;
    v_report uuid := (q->>'report')::uuid;
    v_visit uuid := (q->>'visit')::uuid;
begin
    select a.* into asker from minqing.v_asker a;
    if asker.role <> 'desk' then
        reason := 'personal data are for the desks that handle the case';
    elsif v_visit is not null then
        -- a desk sees visits only as the area's civil affairs
        if not exists (select from minqing.visits v where v.id = v_visit) then
            reason := 'no such visit, or it is not for this account to see';
        end if;
    elsif v_report is not null then
        v_case := (select k."case" from minqing.case_reports k where k.report = v_report);
        if v_case is null then
            reason := 'no such report in a case in which this desk has a part';
        end if;
    elsif not exists (select from minqing.cases c where c.id = v_case) then
        reason := 'no such case in which this desk has a part';
    end if;
    if reason is not null then
        return next;
        return;
    end if;
    insert into minqing.audit_entries (at, account, what, ref, reason, "case", report, visit, department)
    values (minqing.now(), asker.account, 'subject', coalesce(v_visit, v_report, v_case), q->>'reason', v_case, v_report, v_visit, asker.department);
    return query
    select null::text, jsonb_build_object('report', r.id, 'observed_at', minqing.wire_time(r.observed_at)), r.subject_key, r.subject, r.id
    from minqing.case_reports k
    join minqing.reports r on r.id = k.report
    where k."case" = v_case and (v_report is null or k.report = v_report) and r.subject is not null
    order by r.observed_at
    limit 200;
    return query
    select null::text, jsonb_build_object('visit', v.id, 'observed_at', minqing.wire_time(v.observed_at)), v.subject_key, v.subject, v.id
    from minqing.visits v
    where v.id = v_visit and v.subject is not null;
end
$$;

create type person_sealed as (subject jsonb, seal_key text, sealed bytea, context uuid);

create function answer_audit(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    asker minqing.v_asker;
    v_limit integer := coalesce((q->>'limit')::integer, 50);
    v_after bigint;
    v_case uuid := (q->>'case')::uuid;
    v_rows jsonb[];
    v_cursors text[];
    v_total bigint;
begin
    select a.* into asker from minqing.v_asker a;
    if asker.role = 'device' then
        return '{"reason": "the audit is for desks and operators"}';
    elsif q->>'after' !~ '^[0-9]{1,17}$' then
        return '{"reason": "after is not a cursor of this question"}';
    end if;
    v_after := (q->>'after')::bigint;
    with entries as (
        select e.id, e.at, jsonb_build_object('at', minqing.wire_time(e.at), 'what', e.what, 'account', e.account, 'person', p.name,
                   'department', e.department, 'case', e."case", 'number', c.number, 'report', e.report, 'visit', e.visit,
                   'restricted', coalesce(c.restricted, false), 'reason', e.reason) as entry
        from minqing.audit_entries e
        left join minqing.cases c on c.id = e."case"
        left join minqing.accounts a on a.account = e.account
        left join minqing.persons p on p.id = a.person
        where v_case is null or e."case" = v_case
        union all
        select e.id, e.at, jsonb_build_object('at', minqing.wire_time(e.at), 'what', e.what, 'department', e.department, 'number', e.number,
                   'restricted', true)
        from minqing.v_asker_restricted_audit e
        where v_case is null or e.number = (select r.number from minqing.v_asker_restricted r where r.id = v_case)
    ),
    asked as (
        select e.*
        from entries e
        where (q->>'from' is null or e.at >= (q->>'from')::timestamptz)
          and (q->>'to' is null or e.at < (q->>'to')::timestamptz)
    ),
    shown as (select a.* from asked a where v_after is null or a.id < v_after order by a.id desc limit v_limit + 1)
    select array_agg(s.entry order by s.id desc), array_agg(s.id::text order by s.id desc), (select count(*) from (select from asked limit 1000) n)
    into v_rows, v_cursors, v_total
    from shown s;
    return minqing.page('entries', coalesce(v_rows, '{}'), v_cursors, v_limit) || jsonb_build_object('total', v_total);
end
$$;

create function answer_officers(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    asker minqing.v_asker;
    v_limit integer := coalesce((q->>'limit')::integer, 50);
    v_after text := q->>'after';
    v_area text;
    v_rows jsonb[];
    v_cursors text[];
    v_total bigint;
begin
    select a.* into asker from minqing.v_asker a;
    v_area := minqing.area_within(coalesce(q->>'area', asker.area), asker.area);
    if asker.role <> 'operator' then
        return '{"reason": "officers are listed for operators of the command centre"}';
    elsif v_area is null then
        return jsonb_build_object('reason', 'area ' || (q->>'area') || ' is not in yours, ' || asker.area);
    end if;
    with shown as (
        select o.*
        from minqing.v_asker_officers o
        where starts_with(o.area, v_area) and (v_after is null or o.account > v_after)
        order by o.account
        limit v_limit + 1
    )
    select array_agg(jsonb_build_object('account', s.account, 'name', s.name, 'unit', s.unit, 'unit_name', s.unit_name, 'area', s.area,
                         'area_name', minqing.area_name(s.area),
                         'on_task', case when s.kind is not null then
                             jsonb_build_object('kind', s.kind, 'state', s.state, 'exercise', s.exercise, 'number', s.number, 'case', s."case",
                                                'since', minqing.wire_time(s.made_at)) end) order by s.account),
           array_agg(s.account order by s.account)
    into v_rows, v_cursors
    from shown s;
    v_total := (select count(*) from (select from minqing.v_asker_officers o where starts_with(o.area, v_area) limit 1000) n);
    return minqing.page('officers', coalesce(v_rows, '{}'), v_cursors, v_limit) || jsonb_build_object('total', v_total);
end
$$;

-- One question -----------------------------------------------------------------------------------------------------

-- In: who asks (the topic's account, which the broker has checked), the name of the question, the question as decoded, and how many
-- of this account's came before it in the batch. Out: the answer; after the answer to `subject` one row a person, whose sealed data
-- are opened after the commit.
-- A question that is too heavy is cut off by statement_timeout and told so; those behind it in the batch have no time left.
create function ask(p_account text, p_name text, p_query jsonb, p_before integer)
returns table (answer text, subject text, seal_key text, sealed bytea, context uuid) language plpgsql as
$$
declare
    you jsonb;
    members jsonb;
    persons minqing.person_sealed[];
begin
    perform set_config('minqing.account', p_account, true);
    you := (select jsonb_build_object('account', a.account, 'role', a.role, 'department', a.department, 'area', a.area,
                                      'area_name', minqing.area_name(a.area))
            from minqing.v_asker a);
    if you is null then
        members := jsonb_build_object('reason', 'account ' || p_account || ' is not known here or is locked');
    elsif p_before >= 16 then
        members := '{"reason": "too many questions at once: wait for the answers before asking on"}';
    elsif current_setting('minqing.out_of_time', true) = 'yes' then
        members := '{"reason": "no time was left for this question: ask again"}';
    else
        begin
            if p_name = 'subject' then
                select array_agg(row(s.subject, s.seal_key, s.sealed, s.context)::minqing.person_sealed) filter (where s.sealed is not null),
                       coalesce(jsonb_build_object('reason', max(s.reason)), '{}')
                into persons, members
                from minqing.answer_subject(p_query) s;
                members := jsonb_strip_nulls(members);
                if persons is null and not members ? 'reason' then
                    members := '{"subjects": []}';
                end if;
            else
                members := case p_name
                    when 'case' then minqing.answer_case(p_query)
                    when 'cases' then minqing.answer_cases(p_query)
                    when 'report' then minqing.answer_report(p_query)
                    when 'review' then minqing.answer_review(p_query)
                    when 'audit' then minqing.answer_audit(p_query)
                    when 'stats' then minqing.answer_stats(p_query)
                    when 'officers' then minqing.answer_officers(p_query)
                end;
            end if;
        exception when query_canceled then
            perform set_config('minqing.out_of_time', 'yes', true);
            members := '{"reason": "took too long: ask for less, such as a shorter period or a smaller area"}';
            persons := null;
        end;
    end if;
    members := jsonb_build_object('v', 1, 'id', p_query->'id', 'name', p_name, 'done', not members ? 'reason')
               || case when you is null then '{}' else jsonb_build_object('you', jsonb_strip_nulls(you)) end || members;
    if octet_length(members::text) > 2000000 then
        members := jsonb_build_object('v', 1, 'id', p_query->'id', 'name', p_name, 'done', false,
                                      'reason', 'the answer is too large for a message: ask for less');
    end if;
    answer := members::text;
    return next;
    answer := null;
    if not members ? 'reason' then
        return query
        select null::text, s.subject::text, s.seal_key, s.sealed, s.context
        from unnest(persons) s;
    end if;
end
$$;

-- Rights ----------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant usage on schema minqing to minqing_query;
grant select on schema_migrations, clock_offset, areas, domains, departments, kinds, severities, units, persons, cases, case_reports,
    case_events, reports, classifications, reviews, assignments, visits, mobilisations, tasks, audit_entries, report_index, v_asker,
    v_asker_parts, v_asker_reports, v_case_of, v_asker_reviews, v_asker_restricted, v_asker_restricted_audit, v_asker_visits, v_asker_officers,
    v_case_lines to minqing_query;
revoke select on persons from minqing_query;
grant select (id, name) on persons to minqing_query;
grant select (account, role, person, area, department, locked) on accounts to minqing_query;
grant insert (at, account, what, ref, reason, "case", report, visit, department) on audit_entries to minqing_query;
grant insert on rejections to minqing_query;
grant execute on function minqing.now(), local_time_of(timestamptz), wire_time(timestamptz), area_name(text), shown_text(reports),
    case_message(cases, boolean), review_message(reviews), status_message(uuid, text, integer), event_words(case_events), mobilisation_counts(uuid),
    index_reports(bigint[]), unindexed_elements(text, text, integer), bigrams(text), search_grams(text), cursor_of(timestamptz, text),
    cursor_time(text), area_within(text, text), is_overdue(text, timestamptz, timestamptz, timestamptz), no_such(text),
    page(text, jsonb[], text[], integer), redacted_case(uuid, text), allowed_to_asker(uuid), case_history(uuid, integer), bare_case(cases),
    case_conditions(jsonb, v_asker), answer_case(jsonb), answer_progress(jsonb), answer_cases(jsonb), answer_report(jsonb),
    answer_review(jsonb), answer_subject(jsonb), answer_audit(jsonb), answer_officers(jsonb), ask(text, text, jsonb, integer) to minqing_query;
grant select on report_index to minqing_reader, minqing_test;
alter role minqing_query set idle_in_transaction_session_timeout = '30s';
alter role minqing_query set statement_timeout = '10s';
alter role minqing_query set jit = off;
