-- What every change of a case is made of: the snapshot that its history replays to, who is told, what the clock does next.
-- A change is: case_snapshot before, updates of cases and assignments, finish_change. Only opening and joining, which come in
-- batches, write the same things for many cases at once (0008).
set search_path = minqing, public;

create function setting(p_name text) returns text language plpgsql stable as
$$ begin return (select nullif(s.value, '-') from minqing.settings s where s.name = p_name); end $$;

-- Working time ----------------------------------------------------------------------------------------------------

-- When `minutes` of the given clock have passed since `start`. Days are written as 1440 minutes; the day on which a period begins
-- does not count, and its last day counts to its end (Civil Code, articles 201 and 203): to midnight, or to the end of business.
create or replace function deadline(start timestamptz, minutes integer, clock text) returns timestamptz language plpgsql stable as
$$
declare
    remaining interval := make_interval(mins => minutes);
    cursor_at timestamp := minqing.local_time_of(start);
    days integer := minutes / 1440;
    day date;
    opens time;
    closes time;
    room interval;
begin
    if clock = 'hours' then
        return start + remaining;
    end if;
    if clock = 'days' then
        return (cursor_at::date + days + 1)::timestamp at time zone 'Asia/Shanghai';
    end if;
    if clock = 'working_days' then
        day := cursor_at::date;
        for tries in 1..4000 loop
            if days <= 0 and minqing.is_working(day) then
                return (day + (select max(w.ends) from minqing.working_day w)) at time zone 'Asia/Shanghai';
            end if;
            day := day + 1;
            days := days - minqing.is_working(day)::integer;
        end loop;
    end if;
    for tries in 1..4000 loop
        day := cursor_at::date;
        if minqing.is_working(day) then
            for opens, closes in select w.starts, w.ends from minqing.working_day w order by w.starts loop
                if cursor_at < day + closes then
                    cursor_at := greatest(cursor_at, day + opens);
                    room := (day + closes) - cursor_at;
                    if room >= remaining then
                        return (cursor_at + remaining) at time zone 'Asia/Shanghai';
                    end if;
                    remaining := remaining - room;
                    cursor_at := day + closes;
                end if;
            end loop;
        end if;
        cursor_at := day + 1;
    end loop;
    raise exception 'no working time found in 4000 days after %: check tables calendar and working_day', start;
end
$$;

-- When the department is reminded: after the given share of the time between start and due, by the case's own clock where the
-- deadline follows from it, else by the plain one (after an extension, or where severity cut it short).
create function remind_at(start timestamptz, due timestamptz, minutes integer, clock text) returns timestamptz language plpgsql stable as
$$
declare
    share float8 := coalesce(minqing.setting('remind_share')::float8, 0.667);
begin
    if clock in ('hours', 'working_hours') and due = minqing.deadline(start, minutes, clock) then
        return minqing.deadline(start, (minutes * share)::integer, clock);
    end if;
    return start + (due - start) * share;
end
$$;

-- The first of due, due + a period, due + two periods … that is still to come.
create function next_escalation(due timestamptz, minutes integer, clock text) returns timestamptz language plpgsql stable as
$$
declare
    at timestamptz := due;
begin
    for tries in 1..1000 loop
        at := minqing.deadline(at, minutes, clock);
        if at > minqing.now() then
            return at;
        end if;
    end loop;
    return minqing.deadline(minqing.now(), minutes, clock);
end
$$;

-- Snapshot --------------------------------------------------------------------------------------------------------

-- What a history replays to.
create function case_snapshot(c cases) returns jsonb language plpgsql stable as
$$
begin
    return jsonb_build_object(
        'state', c.state, 'state_version', c.state_version, 'domain', c.domain, 'kind', c.kind, 'also', to_jsonb(c.also),
        'severity', c.severity, 'restricted', c.restricted, 'level', c.level, 'lead', c.lead,
        'assigned_at', minqing.wire_time(c.assigned_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by),
        'outcome_by', minqing.wire_time(c.outcome_by), 'returns', c.returns, 'request', c.request, 'result', c.result, 'rating', c.rating,
        'report_count', c.report_count, 'merged_into', c.merged_into, 'exercise', c.exercise,
        'suspended_until', minqing.wire_time(c.suspended_until),
        'parts', (select jsonb_object_agg(a.department, jsonb_build_object('role', a.role, 'state', a.state, 'joint', a.joint))
                  from minqing.assignments a where a."case" = c.id));
end
$$;

-- The present state as its history tells it: the values of all changes laid over each other in the order of their versions. Null where
-- the history has a gap.
create function replay_case(p_case uuid) returns jsonb language plpgsql stable as
$$
declare
    result jsonb := '{}';
    expected integer := 0;
    e record;
begin
    for e in select v.version, v.state, v.data from minqing.case_events v where v.ref = p_case order by v.version, v.id loop
        expected := expected + 1;
        if e.version <> expected then
            return null;
        end if;
        result := result || coalesce(e.data -> 'set', '{}');
        if result ->> 'state' is distinct from e.state then
            return null;
        end if;
    end loop;
    return result;
end
$$;

-- Who is told -----------------------------------------------------------------------------------------------------

create view village_desks as
select distinct a.department, a.area from minqing.accounts a where a.department is not null and length(a.area) = 12 and not a.locked;
comment on view village_desks is 'Villages where a department has a desk of its own; it is told of its village''s cases alone.';

-- Brings a case's announcements to its present version: every department that has a part, in its town, in the village where it has a
-- desk of its own, and from the level on to which it was escalated; the command centre where it has something to do or must know at once; with p_tells those who reported.
create function announce_case(c cases, p_tells boolean) returns void language plpgsql as
$$
declare
    ended boolean := c.state in ('closed', 'refused', 'merged');
begin
    with audiences as (
        select case when c.restricted then 2 else 1 end as topic, a.department as audience
        from minqing.assignments a
        where a."case" = c.id and a.ended_at is null and a.department <> 'command_centre'
        union
        select 1, 'command_centre'
        where c.severity = 4 or c.restricted or c.lead = 'command_centre' or c.level in ('county', 'city') or c.request is not null
           or c.state in ('resolved', 'verified')
        union
        -- who was told once hears to the end
        select 1, 'command_centre' from minqing.announcements a where a.ref = c.id and a.topic = 1 and a.audience = 'command_centre' and a.live
    ),
    scopes as (
        select c.town as scope
        union
        select left(c.town, 6) where c.level in ('county', 'city')
        union
        select left(c.town, 4) where c.level = 'city'
    ),
    wanted as materialized (
        select a.topic, a.audience, s.scope from audiences a cross join scopes s
        union
        select a.topic, a.audience, d.area from audiences a join minqing.village_desks d on d.department = a.audience and d.area = left(c.area, 12)
    ),
    gone as (
        -- departments that are no longer on the case, or may no longer read it, get its end
        update minqing.announcements a
        set version = c.version, live = false, waiting = false, ended_at = minqing.now()
        where a.ref = c.id and a.topic in (1, 2) and a.live
          and not exists (select from wanted w where w.topic = a.topic and w.audience = a.audience and w.scope = a.scope)
    )
    insert into minqing.announcements as a (ref, topic, audience, scope, version, live, ended_at)
    select c.id, w.topic, w.audience, w.scope, c.version, not ended, case when ended then minqing.now() end from wanted w
    on conflict on constraint announcements_pkey do update
    set version = excluded.version, live = excluded.live, ended_at = excluded.ended_at, waiting = false;

    if p_tells then
        insert into minqing.announcements as a (ref, topic, audience, scope, version)
        select distinct c.id, 4, m.account, '', c.version
        from minqing.case_reports m
        join minqing.accounts o on o.account = m.account and o.role = 'device'
        where m."case" = c.id
        on conflict on constraint announcements_pkey do update set version = excluded.version, waiting = false;
    end if;
end
$$;

-- What the clock does next ------------------------------------------------------------------------------------------

-- One chain of the clock, from its remind to its escalations, at the step that is still to come.
create function start_chain(p_case uuid, p_chain text, start timestamptz, due timestamptz, minutes integer, clock text)
returns void language plpgsql as
$$
declare
    reminded timestamptz := minqing.remind_at(start, due, minutes, clock);
    at timestamptz := minqing.now();
begin
    insert into minqing.timers ("case", chain, step, due_at)
    values (p_case, p_chain, case when at < reminded then 'remind' when at < due then 'due' else 'escalate' end,
            case when at < reminded then reminded when at < due then due else minqing.next_escalation(due, minutes, clock) end)
    on conflict ("case", chain) do update set step = excluded.step, due_at = excluded.due_at;
end
$$;

-- Signing is watched until it is signed, handling from then on (a relief's outcome once its application is filed), a suspension until
-- its end.
create function schedule_case(c cases) returns void language plpgsql as
$$
declare
    call_out integer;
begin
    delete from minqing.timers t
    where t."case" = c.id and (t.chain <> 'call_again' or c.state in ('closed', 'refused', 'merged'));
    if c.state = 'assigned' then
        perform minqing.start_chain(c.id, 'sign', c.assigned_at, c.sign_by, c.sign_minutes, c.clock);
        select s.call_out_minutes into call_out from minqing.severities s where s.severity = c.severity;
        if call_out is not null then
            insert into minqing.timers ("case", chain, step, due_at)
            values (c.id, 'call_out', 'again', greatest(c.assigned_at, minqing.now() - make_interval(mins => call_out)) + make_interval(mins => call_out));
        end if;
    elsif c.state in ('signed', 'in_progress') and c.outcome_by is not null then
        perform minqing.start_chain(c.id, 'outcome', c.assigned_at, c.outcome_by, 1440, 'working_days');
    elsif c.state in ('signed', 'in_progress') then
        perform minqing.start_chain(c.id, 'handle', c.assigned_at, c.handle_by, c.handle_minutes, c.clock);
    elsif c.state = 'suspended' and c.suspended_until is not null then
        insert into minqing.timers ("case", chain, step, due_at) values (c.id, 'resume', 'due', c.suspended_until);
    end if;
end
$$;

-- The end of every change --------------------------------------------------------------------------------------------

-- Whoever acts: actor (transitions.actor), account, department of the desk.
create type acting as (actor text, account text, department text);

-- Writes the change down and has it told. In: the snapshot before, the case, what happened (a word of transitions.event), who, the
-- note, the message that asked for it, more data, whether others must see it before they act, whether the reporters are told.
-- Out: the event.
create function finish_change(p_before jsonb, p_case uuid, p_event text, p_who acting, p_note text, p_message uuid, p_data jsonb,
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
    perform minqing.announce_case(c, p_tells or changed ->> 'state' = 'resolved');
    if changed ?| array['state', 'lead', 'assigned_at', 'sign_by', 'handle_by', 'outcome_by', 'severity', 'suspended_until'] then
        perform minqing.schedule_case(c);
    end if;
    return event;
end
$$;

-- Departments -------------------------------------------------------------------------------------------------------

-- Where responsibility begins: at the village for ordinary matters where the lead has a desk there, else at the town.
create function first_level(p_lead text, p_area text, p_severity smallint) returns text language plpgsql stable as
$$
begin
    return case when p_severity <= 2
                     and exists (select from minqing.accounts a where a.department = p_lead and a.area = left(p_area, 12) and not a.locked)
                then 'village' else 'town' end;
end
$$;

-- Gives the case to a department as its one lead, from now on, with fresh clocks: who had it before has used its own time.
create function assign_lead(p_case uuid, p_department text, p_sign_minutes integer, p_handle_minutes integer, p_clock text,
                            p_left_state text) returns void language plpgsql as
$$
declare
    at timestamptz := minqing.now();
begin
    update minqing.assignments a
    set ended_at = at, state = p_left_state
    where a."case" = p_case and a.role = 'lead' and a.ended_at is null and a.department <> p_department;
    insert into minqing.assignments as a ("case", department, role, state, joint, assigned_at)
    values (p_case, p_department, 'lead', 'assigned', true, at)
    on conflict ("case", department) do update
    set role = 'lead', state = 'assigned', joint = true, assigned_at = at, ended_at = null, signed_at = null, resolved_at = null;
    update minqing.cases c
    set state = 'assigned', lead = p_department, assigned_at = at, sign_minutes = p_sign_minutes, handle_minutes = p_handle_minutes,
        clock = p_clock, sign_by = minqing.deadline(at, p_sign_minutes, p_clock), handle_by = minqing.deadline(at, p_handle_minutes, p_clock),
        level = minqing.first_level(p_department, c.area, c.severity), outcome_by = null, request = null, suspended_until = null,
        signed_at = null, resolved_at = null, verified_at = null, closed_at = null
    where c.id = p_case;
end
$$;

-- Lets departments take part beside the lead. joint: the case waits for their part.
create function add_parts(p_case uuid, p_departments text[], p_joint boolean) returns void language plpgsql as
$$
begin
    insert into minqing.assignments as a ("case", department, role, joint, assigned_at)
    select p_case, d, 'supporting', p_joint, minqing.now()
    from unnest(p_departments) d
    where d <> (select c.lead from minqing.cases c where c.id = p_case) and d <> 'command_centre'
    order by d
    on conflict ("case", department) do update
    set role = 'supporting', state = 'assigned', joint = a.joint or excluded.joint, assigned_at = excluded.assigned_at, ended_at = null,
        signed_at = null, resolved_at = null
    where a.ended_at is not null or (excluded.joint and not a.joint);
end
$$;
