-- Figures 考核 (GB/T 30428): each indicator with its formula. They are counted twice over: from the present state of cases and
-- assignments (v_case_facts, v_part_facts), and from their history alone (…_replayed); one function makes figures of either.
-- Exercises are left out. A case that was merged into another is not counted: that one is.
set search_path = minqing, public;

-- What the indicators are -----------------------------------------------------------------------------------------

create table indicators (
    position smallint primary key,
    name     text not null unique check (name ~ '^[a-z][a-z0-9_]*$'),
    name_zh  text not null,
    name_en  text not null,
    unit     text not null check (unit in ('text', 'rank', 'cases', 'percent', 'minutes')),
    formula  text not null
);
comment on table indicators is 'Columns of figures, in the order to show, with their formulas.';

-- “In the period” is from ≤ at < to. 应 (due) means that the deadline lies in the period; of what is due, done counts until its end.
insert into indicators (position, name, name_zh, name_en, unit, formula) values
    (1, 'name', '单位', 'unit', 'text', 'department, town, village, grid, domain, kind, day or month'),
    (2, 'rank', '排名', 'rank', 'rank', 'by close_in_time_rate, then handle_in_time_rate; only units with due_close >= 10'),
    (3, 'admitted', '受理', 'admitted', 'cases', 'opened in the period, and reports accepted for handling in it that have no case'),
    (4, 'opened', '立案', 'opened', 'cases', 'opened in the period, also those refused later; merged ones not'),
    (5, 'refused', '不予立案', 'refused', 'cases', 'of opened: refused'),
    (6, 'due_handle', '应处置', 'due to be handled', 'cases', 'handle_by in the period; suspended ones too, refused ones not'),
    (7, 'handled', '处置', 'handled', 'cases', 'of due_handle: resolved at least once before the end of the period'),
    (8, 'handled_in_time', '按期处置', 'handled in time', 'cases', 'of due_handle: resolved by handle_by, and not sent back since'),
    (9, 'due_close', '应结案', 'due to be closed', 'cases', 'close_by in the period: the later of handle_by and outcome_by, and the setting close_minutes for verifying and closing; refused ones not'),
    (10, 'closed', '结案', 'closed', 'cases', 'of due_close: closed before the end of the period'),
    (11, 'closed_in_time', '按期结案', 'closed in time', 'cases', 'of due_close: closed by close_by'),
    (12, 'assigned', '派遣', 'assigned', 'cases', 'departments that became responsible in the period; who has the same case twice counts once, by the last time'),
    (13, 'returned', '退单', 'returned', 'cases', 'of assigned: returned before the end of the period'),
    (14, 'extended', '延期', 'extended', 'cases', 'of assigned: an extension was approved before the end of the period'),
    (15, 'reworked', '返工', 'reworked', 'cases', 'of handled: verification failed before the end of the period'),
    (16, 'close_rate', '结案率', 'closing rate', 'percent', 'closed / due_close'),
    (17, 'close_in_time_rate', '按期结案率', 'closed in time rate', 'percent', 'closed_in_time / due_close'),
    (18, 'handle_in_time_rate', '按期处置率', 'handled in time rate', 'percent', 'handled_in_time / due_handle'),
    (19, 'rework_rate', '返工率', 'rework rate', 'percent', 'reworked / handled'),
    (20, 'extension_rate', '延期率', 'extension rate', 'percent', 'extended / assigned'),
    (21, 'return_rate', '退单率', 'return rate', 'percent', 'returned / assigned'),
    (22, 'sign_median_minutes', '签收时长中位', 'signing, median', 'minutes', 'from the assignment of who signed in the period to signing'),
    (23, 'sign_p90_minutes', '签收时长 90%', 'signing, 90th percentile', 'minutes', 'as the median'),
    (24, 'handle_median_minutes', '处置时长中位', 'handling, median', 'minutes', 'of cases resolved in the period from opening to resolving; of a department from its assignment to its result, or to its return: that time is its own'),
    (25, 'handle_p90_minutes', '处置时长 90%', 'handling, 90th percentile', 'minutes', 'as the median');

-- The few events that the figures ask for.
create index case_events_marks on case_events (ref) where what in ('reworked', 'approved');

-- Facts from the present state ------------------------------------------------------------------------------------

-- How long after the deadline for handling a case must be verified and closed.
create view v_close_within as
select make_interval(mins => coalesce(max(s.value)::integer, 1440)) as within from settings s where s.name = 'close_minutes';

create view v_case_facts as
select c.id as "case", c.town, c.area, c.domain, c.kind, c.severity, c.restricted, c.lead, c.state = 'refused' as refused, c.opened_at,
       c.assigned_at, c.signed_at, c.handle_by, greatest(c.handle_by, c.outcome_by) + (select w.within from v_close_within w) as close_by,
       c.resolved_at, case when c.state = 'closed' then c.closed_at end as closed_at,
       (select min(e.at) from case_events e where e.ref = c.id and e.what = 'reworked') as reworked_at,
       -- nothing of it lies after this
       case when c.state in ('closed', 'refused') then greatest(c.closed_at, c.handle_by, c.outcome_by) + (select w.within from v_close_within w)
            else 'infinity' end as last_at
from cases c
where c.state <> 'merged' and not c.exercise;

-- What each department that was ever the lead did with the case: its latest time in charge.
create view v_part_facts as
select a."case", a.department, a.assigned_at, a.signed_at, a.resolved_at, case when a.state = 'returned' then a.ended_at end as returned_at,
       (select min(e.at) from case_events e
        where e.ref = a."case" and e.what = 'approved' and e.data -> 'request' ->> 'what' = 'extension'
          and e.at >= a.assigned_at and (a.ended_at is null or e.at < a.ended_at)) as extended_at
from assignments a
where a.role = 'lead';

-- Reports accepted for handling that have no case: not decided yet, or refused.
create view v_admission_facts as
select v.report, r.town, r.area, v.domain, v.kind, v.severity, v.admitted_at
from reviews v
join reports r on r.id = v.report
where v.admitted_at is not null and not exists (select from case_reports k where k.report = v.report);

-- The same from the history ---------------------------------------------------------------------------------------

create aggregate laid_over(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');
comment on aggregate laid_over(jsonb) is 'Each over the ones before: what changes add up to.';

-- Where it is, which no change changes, the history knows by the report that opened it.
create view v_case_facts_replayed as
select h."case", r.town, r.area, h.s ->> 'domain' as domain, h.s ->> 'kind' as kind, (h.s ->> 'severity')::smallint as severity,
       (h.s ->> 'restricted')::boolean as restricted, h.s ->> 'lead' as lead, h.s ->> 'state' = 'refused' as refused, h.opened_at, h.assigned_at,
       case when h.signed_at >= h.assigned_at then h.signed_at end as signed_at, (h.s ->> 'handle_by')::timestamptz as handle_by,
       greatest((h.s ->> 'handle_by')::timestamptz, (h.s ->> 'outcome_by')::timestamptz) + (select w.within from v_close_within w) as close_by,
       case when h.resolved_at >= h.assigned_at then h.resolved_at end as resolved_at,
       case when h.s ->> 'state' = 'closed' then h.closed_at end as closed_at, h.reworked_at,
       'infinity'::timestamptz as last_at, h.s -> 'parts' as parts
from (
    select e.ref as "case", minqing.laid_over(e.data -> 'set' order by e.version) as s, min(e.at) as opened_at,
           (array_agg(e.report order by e.version))[1] as report,
           max(e.at) filter (where e.data -> 'set' ? 'assigned_at') as assigned_at, max(e.at) filter (where e.what = 'signed') as signed_at,
           max(e.at) filter (where e.what = 'resolved') as resolved_at, max(e.at) filter (where e.what = 'closed') as closed_at,
           min(e.at) filter (where e.what = 'reworked') as reworked_at
    from case_events e
    where e."case" is not null
    group by e.ref
) h
join reports r on r.id = h.report
where h.s ->> 'state' <> 'merged' and not (h.s ->> 'exercise')::boolean;

create view v_part_facts_replayed as
with tenures as (
    -- each time a department became responsible; the lead of then is the last that a change named
    select t.ref as "case", t.department, t.at as assigned_at, t.version,
           lead(t.at) over (partition by t.ref order by t.version) as next_at,
           lead(t.what) over (partition by t.ref order by t.version) as next_what
    from (
        select e.ref, e.version, e.at, e.what, e.data -> 'set' ? 'assigned_at' as assigned,
               (array_agg(e.data -> 'set' ->> 'lead') filter (where e.data -> 'set' ? 'lead') over w)
               [count(*) filter (where e.data -> 'set' ? 'lead') over w] as department
        from case_events e
        where e."case" is not null
        window w as (partition by e.ref order by e.version)
    ) t
    where t.assigned
),
latest as (select distinct on (t."case", t.department) t.* from tenures t order by t."case", t.department, t.version desc)
select l."case", l.department, l.assigned_at, w.signed_at, w.resolved_at, case when l.next_what = 'returned' then l.next_at end as returned_at,
       w.extended_at
from latest l
join v_case_facts_replayed c on c."case" = l."case" and c.parts -> l.department ->> 'role' = 'lead'
left join lateral (
    select max(e.at) filter (where e.what = 'signed') as signed_at,
           max(e.at) filter (where e.what in ('resolved', 'part_resolved') and e.actor = 'lead') as resolved_at,
           min(e.at) filter (where e.what = 'approved' and e.data -> 'request' ->> 'what' = 'extension') as extended_at
    from case_events e
    where e.ref = l."case" and e.version >= l.version and (l.next_at is null or e.at < l.next_at)
) w on true;

create view v_admission_facts_replayed as
select a.report, r.town, r.area, a.s ->> 'domain' as domain, a.s ->> 'kind' as kind, r.severity, a.admitted_at
from (
    select e.report, minqing.laid_over(e.data order by e.version) as s, min(e.at) filter (where e.what in ('admitted', 'refused')) as admitted_at
    from case_events e
    where e."case" is null and e.report is not null
    group by e.report
) a
join reports r on r.id = a.report
where a.admitted_at is not null
  and not exists (select from case_events o where o."case" is not null and o.report = a.report and o.what in ('opened', 'joined'));

-- Moments: what happened or fell due, and when --------------------------------------------------------------------

-- what; at: by which it belongs to a period; done_at, flag, again_at: what came of it (see the figures); minutes: how long it took.
-- opened_at and last_at bound all moments of a case, so that a period need not look at every case.
do
$$
declare
    source text;
begin
    foreach source in array array['', '_replayed'] loop
        execute format($view$
            create view minqing.v_moments%1$s as
            select m.what, m.at, c.lead as department, c.town, c.area, c.domain, c.kind, c.severity, c.restricted, m.done_at, m.flag,
                   case when m.what = 'due_handle' then c.reworked_at end as again_at, extract(epoch from m.took) / 60 as minutes,
                   c.opened_at, c.last_at
            from minqing.v_case_facts%1$s c
            cross join lateral (values
                ('opened', c.opened_at, null, c.refused, null),
                ('due_handle', case when not c.refused then c.handle_by end, c.resolved_at, c.resolved_at <= c.handle_by, null),
                ('due_close', case when not c.refused then c.close_by end, c.closed_at, c.closed_at <= c.close_by, null),
                ('signed', c.signed_at, null, null, c.signed_at - c.assigned_at),
                ('handled', c.resolved_at, null, null, c.resolved_at - c.opened_at)
            ) as m (what, at, done_at, flag, took)
            union all
            select m.what, m.at, p.department, c.town, c.area, c.domain, c.kind, c.severity, c.restricted, m.done_at, null,
                   case when m.what = 'assigned' then p.extended_at end, extract(epoch from m.took) / 60, c.opened_at, c.last_at
            from minqing.v_case_facts%1$s c
            join minqing.v_part_facts%1$s p on p."case" = c."case"
            cross join lateral (values
                ('assigned', p.assigned_at, p.returned_at, null),
                ('part_signed', p.signed_at, null, p.signed_at - p.assigned_at),
                ('part_handled', coalesce(p.resolved_at, p.returned_at), null, coalesce(p.resolved_at, p.returned_at) - p.assigned_at)
            ) as m (what, at, done_at, took)
            union all
            select 'admitted', a.admitted_at, null, a.town, a.area, a.domain, a.kind, a.severity, false, null, null, null, null,
                   a.admitted_at, a.admitted_at
            from minqing.v_admission_facts%1$s a
        $view$, source);
    end loop;
end
$$;

-- Figures ---------------------------------------------------------------------------------------------------------

create function percent_of(p_part bigint, p_whole bigint) returns numeric language sql immutable as
$$ select round(100.0 * p_part / nullif(p_whole, 0), 2) $$;

-- In: of what the rows are (department, town, village, grid, domain, kind, day, month; null: one row, all), the period, and the scope,
-- of whose members each may be missing: area (the beginning of a code), department, domain, kind, severity (least), restricted
-- (false leaves these out). Out: one row a unit, by the formulas of the table indicators.
create function figures(p_by text, p_from timestamptz, p_to timestamptz, p_scope jsonb default '{}', p_replayed boolean default false)
returns table (unit text, admitted bigint, opened bigint, refused bigint, due_handle bigint, handled bigint, handled_in_time bigint,
               due_close bigint, closed bigint, closed_in_time bigint, assigned bigint, returned bigint, extended bigint, reworked bigint,
               close_rate numeric, close_in_time_rate numeric, handle_in_time_rate numeric, rework_rate numeric, extension_rate numeric,
               return_rate numeric, sign_median_minutes numeric, sign_p90_minutes numeric, handle_median_minutes numeric,
               handle_p90_minutes numeric) language plpgsql stable as
$$
begin
    return query execute format($figures$
        with counted as (
            select %s as unit,
                   count(*) filter (where m.what in ('opened', 'admitted')) as admitted,
                   count(*) filter (where m.what = 'opened') as opened,
                   count(*) filter (where m.what = 'opened' and m.flag) as refused,
                   count(*) filter (where m.what = 'due_handle') as due_handle,
                   count(*) filter (where m.what = 'due_handle' and least(m.done_at, m.again_at) < $2) as handled,
                   count(*) filter (where m.what = 'due_handle' and m.flag) as handled_in_time,
                   count(*) filter (where m.what = 'due_close') as due_close,
                   count(*) filter (where m.what = 'due_close' and m.done_at < $2) as closed,
                   count(*) filter (where m.what = 'due_close' and m.flag) as closed_in_time,
                   count(*) filter (where m.what = 'assigned') as assigned,
                   count(*) filter (where m.what = 'assigned' and m.done_at < $2) as returned,
                   count(*) filter (where m.what = 'assigned' and m.again_at < $2) as extended,
                   count(*) filter (where m.what = 'due_handle' and m.again_at < $2) as reworked,
                   percentile_cont(array[0.5, 0.9]) within group (order by m.minutes) filter (where m.what = %s) as sign,
                   percentile_cont(array[0.5, 0.9]) within group (order by m.minutes) filter (where m.what = %s) as handle
            from minqing.%I m
            where m.at >= $1 and m.at < $2 and m.opened_at < $2 and m.last_at >= $1
              and ($3->>'area' is null or starts_with(m.area, $3->>'area'))
              and ($3->>'department' is null or m.department = $3->>'department')
              and ($3->>'domain' is null or m.domain = $3->>'domain')
              and ($3->>'kind' is null or m.kind = $3->>'kind')
              and ($3->>'severity' is null or m.severity >= ($3->>'severity')::smallint)
              and ($3->>'restricted' is null or m.restricted = ($3->>'restricted')::boolean)
            group by 1
        )
        select c.unit, c.admitted, c.opened, c.refused, c.due_handle, c.handled, c.handled_in_time, c.due_close, c.closed, c.closed_in_time,
               c.assigned, c.returned, c.extended, c.reworked,
               minqing.percent_of(c.closed, c.due_close), minqing.percent_of(c.closed_in_time, c.due_close),
               minqing.percent_of(c.handled_in_time, c.due_handle), minqing.percent_of(c.reworked, c.handled),
               minqing.percent_of(c.extended, c.assigned), minqing.percent_of(c.returned, c.assigned),
               round(c.sign[1]::numeric, 1), round(c.sign[2]::numeric, 1), round(c.handle[1]::numeric, 1), round(c.handle[2]::numeric, 1)
        from counted c
        where c.unit is not null
        order by c.unit
    $figures$,
        case p_by
            when 'department' then 'm.department'
            when 'town' then 'm.town'
            when 'village' then 'case when length(m.area) >= 12 then left(m.area, 12) end'
            when 'grid' then 'case when length(m.area) = 15 then m.area end'
            when 'domain' then 'm.domain'
            when 'kind' then 'm.kind'
            when 'day' then 'to_char(minqing.local_time_of(m.at), ''YYYY-MM-DD'')'
            when 'month' then 'to_char(minqing.local_time_of(m.at), ''YYYY-MM'')'
            else '''all''' end,
        -- a department is measured by its own time
        case when p_by = 'department' or p_scope ? 'department' then '''part_signed''' else '''signed''' end,
        case when p_by = 'department' or p_scope ? 'department' then '''part_handled''' else '''handled''' end,
        case when p_replayed then 'v_moments_replayed' else 'v_moments' end)
    using p_from, p_to, p_scope;
end
$$;

create function unit_name(p_by text, p_unit text) returns text language plpgsql stable as
$$
begin
    return coalesce(case p_by
        when 'department' then (select d.name_zh from minqing.departments d where d.code = p_unit)
        when 'town' then (select a.name from minqing.areas a where a.code = p_unit)
        when 'village' then minqing.area_name(p_unit)
        when 'grid' then minqing.area_name(p_unit)
        when 'domain' then (select d.name_zh from minqing.domains d where d.code = p_unit)
        when 'kind' then (select k.name_zh from minqing.kinds k where k.code = p_unit)
    end, p_unit);
end
$$;

-- The answer to the question `stats`. A desk has its own department's figures. An operator has those of the area; of restricted cases
-- only the number, so that rows and filters which would tell what they are about, where, or who handles them leave them out.
create function answer_stats(q jsonb) returns jsonb language plpgsql stable security definer set search_path = minqing, public, pg_temp as
$$
declare
    asker minqing.v_asker;
    v_by text := q->>'by';
    v_now timestamptz := minqing.now();
    v_from timestamptz := coalesce((q->>'from')::timestamptz, date_trunc('month', minqing.local_time_of(v_now)) at time zone 'Asia/Shanghai');
    v_to timestamptz := coalesce((q->>'to')::timestamptz, v_now);
    v_area text;
    v_scope jsonb;
    v_open jsonb := '{}';
    v_rows jsonb;
    v_all jsonb;
begin
    select a.* into asker from minqing.v_asker a;
    v_area := minqing.area_within(coalesce(q->>'area', asker.area), asker.area);
    if asker.role not in ('desk', 'operator') then
        return '{"reason": "figures are for desks and operators"}';
    elsif v_area is null then
        return jsonb_build_object('reason', 'area ' || (q->>'area') || ' is not in yours, ' || asker.area);
    elsif v_from >= v_to or v_to - v_from > interval '400 days' then
        return '{"reason": "from must be before to, and the period 400 days at most"}';
    elsif asker.role = 'desk' and q->>'department' <> asker.department then
        return '{"reason": "a desk has the figures of its own department"}';
    end if;
    v_scope := jsonb_strip_nulls(jsonb_build_object('area', v_area, 'department', coalesce(asker.department, q->>'department'),
                                                    'domain', q->'domain', 'kind', q->'kind', 'severity', q->'severity'));
    if asker.role = 'operator' and (v_scope ?| array['department', 'domain', 'kind'] or length(v_area) > 9) then
        v_open := '{"restricted": false}';
    end if;
    select to_jsonb(f) || '{"name": "合计", "rank": null}' into v_all from minqing.figures(null, v_from, v_to, v_scope || v_open) f;
    if asker.role = 'operator' and v_by in ('department', 'village', 'grid', 'domain', 'kind') then
        v_open := '{"restricted": false}';
    end if;
    select jsonb_agg(to_jsonb(u) order by u.rank nulls last, u.unit) into v_rows
    from (
        select f.*, minqing.unit_name(v_by, f.unit) as name,
               case when f.due_close >= 10 and v_by not in ('day', 'month') and not (asker.role = 'desk' and v_by = 'department') then
                   rank() over (partition by f.due_close >= 10 order by f.close_in_time_rate desc, f.handle_in_time_rate desc nulls last) end as rank
        from minqing.figures(v_by, v_from, v_to, v_scope || v_open) f
        where v_by is not null
        limit 2000
    ) u;
    return jsonb_build_object('by', v_by, 'from', minqing.wire_time(v_from),
        'to', minqing.wire_time(v_to), 'rows', coalesce(v_rows, '[]'),
        'all', coalesce(v_all, (select jsonb_object_agg(i.name, case when i.unit = 'cases' then to_jsonb(0) else 'null' end)
                                from minqing.indicators i) || '{"unit": "all", "name": "合计"}'),
        'columns', (select jsonb_agg(to_jsonb(i) - 'position' order by i.position) from minqing.indicators i));
end
$$;

revoke execute on all functions in schema minqing from public;
grant execute on function answer_stats(jsonb) to minqing_query;
grant execute on function percent_of(bigint, bigint), figures(text, timestamptz, timestamptz, jsonb, boolean),
    unit_name(text, text) to minqing_reader, minqing_test;
grant select on indicators, v_close_within, v_case_facts, v_part_facts, v_admission_facts, v_moments, v_case_facts_replayed, v_part_facts_replayed,
    v_admission_facts_replayed, v_moments_replayed to minqing_reader, minqing_test;
