-- Officers: mobilised to a case, asked to verify one, answering; visits. And the clock, which calls, reminds and escalates.
set search_path = minqing, public;

-- Tasks ---------------------------------------------------------------------------------------------------------------

-- A new task, announced to its device. Its announcement hangs on the case, so that whatever brings the case brings it too.
create function make_task(p_case uuid, p_mobilisation uuid, p_device text, p_kind text, p_exercise boolean, p_text text, p_due timestamptz)
returns uuid language plpgsql as
$$
declare
    made uuid;
begin
    insert into minqing.tasks (id, "case", mobilisation, device, kind, exercise, text, made_at, due_at)
    values (gen_random_uuid(), p_case, p_mobilisation, p_device, p_kind, p_exercise, p_text, minqing.now(), p_due)
    returning id into made;
    insert into minqing.announcements (ref, topic, audience, scope, version) values (p_case, 5, p_device, made::text, 1);
    return made;
end
$$;

-- Tells devices again what their tasks are now.
create function announce_tasks(p_tasks uuid[]) returns void language plpgsql as
$$
begin
    with raised as (
        update minqing.tasks t set version = t.version + 1 where t.id = any(p_tasks) returning t.id, t."case", t.device, t.version
    )
    update minqing.announcements a
    set version = r.version, waiting = false
    from raised r
    where a.ref = r."case" and a.topic = 5 and a.audience = r.device and a.scope = r.id::text;
end
$$;

-- Ends the open tasks of a kind.
create function end_tasks(p_case uuid, p_kind text) returns integer language plpgsql as
$$
declare
    ended uuid[];
begin
    with stood as (
        update minqing.tasks t set state = 'stood_down'
        where t."case" = p_case and t.kind = p_kind and t.state in ('called', 'acknowledged', 'arrived')
        returning t.id
    )
    select array_agg(s.id) into ended from stood s;
    -- a device that never heard of the task need not hear of its end
    delete from minqing.announcements a
    using unnest(ended) e
    where a.ref = p_case and a.topic = 5 and a.scope = e::text and a.published_version = 0 and a.waiting;
    perform minqing.announce_tasks(ended) where ended is not null;
    return coalesce(cardinality(ended), 0);
end
$$;

-- A resolved case is seen on the spot by somebody who did not handle it: who reported it first, else whoever has the village's grids,
-- else, where all of the village were at it, an officer of the town. Where a call back does, nobody is sent.
create function ask_to_verify(p_case uuid) returns void language plpgsql as
$$
declare
    c minqing.cases;
    verifier text;
begin
    select k.* into c from minqing.cases k where k.id = p_case;
    if minqing.calls_back(c) then
        return;
    end if;
    select a.account into verifier
    from minqing.accounts a
    left join minqing.reports r on r.id = c.first_report and r.account = a.account
    where a.role = 'device' and not a.locked and (r.id is not null or not c.restricted and a.area like c.town || '%')
      and not minqing.has_handled(c.id, a.account)
    order by r.id is null, a.area not like left(c.area, 12) || '%', a.account
    limit 1;
    if verifier is not null then
        perform minqing.make_task(c.id, null, verifier, 'verify', c.exercise,
            format('请到现场核查 %s：%s / Please verify %s on the spot', c.number, coalesce(c.result, ''), c.number),
            minqing.now() + make_interval(hours => coalesce(minqing.setting('verify_hours')::integer, 24)));
    end if;
end
$$;

-- Mobilisation ----------------------------------------------------------------------------------------------------------

-- The unit and all below it.
create function units_of(p_unit text) returns text[] language plpgsql stable as
$$
begin
    return array(
        with recursive below as (
            select u.code from minqing.units u where u.code = p_unit
            union all
            select u.code from minqing.units u join below b on u.parent = b.code
        )
        select code from below);
end
$$;

create function mobilise_refusal(c cases, p_action text, p_who acting, p_unit text) returns text language plpgsql stable as
$$
declare
    called boolean := exists (select from minqing.mobilisations x where x."case" = c.id and x.ended_at is null);
begin
    return case
        when p_action = 'stand_down' and not called then '没有进行中的动员 / nobody is mobilised to it'
        when p_action = 'stand_down' then null
        when called then '已在动员：可先解除 / officers are mobilised to it already: stand down first'
        when c.restricted then '受限事件不能动员 / a restricted case cannot be told to officers'
        when not exists (select from minqing.units u
                         where u.code = p_unit and u.area like (select a.area from minqing.accounts a where a.account = (p_who).account) || '%') then
            '本辖区没有这支队伍 / no such unit in your area: ' || coalesce(p_unit, '') end;
end
$$;

create function mobilisation_counts(p_case uuid) returns jsonb language plpgsql stable as
$$
begin
    return (select jsonb_build_object('unit', x.unit, 'unit_name', u.name, 'exercise', x.exercise, 'state', case when x.ended_at is null then 'active' else 'stood_down' end,
                'called_at', minqing.wire_time(x.called_at), 'rounds', x.rounds,
                'called', count(*), 'acknowledged', count(t.acknowledged_at), 'arrived', count(t.arrived_at),
                'silent', count(*) filter (where t.acknowledged_at is null))
            from minqing.mobilisations x
            join minqing.units u on u.code = x.unit
            join minqing.tasks t on t.mobilisation = x.id and t.kind = 'mobilise'
            where x."case" = p_case
            group by x.id, u.name
            order by x.called_at desc
            limit 1);
end
$$;

-- Calls every device of the unit to the case. In: the case as locked; the id that the mobilisation gets. Out: data of the event.
create function mobilise(c cases, p_who acting, p_id uuid, p_unit text, p_note text, p_exercise boolean) returns jsonb language plpgsql as
$$
declare
    words text := format('%s%s %s：%s %s',
        case when p_exercise then '【演练】' else '' end, c.number, minqing.area_name(c.area),
        coalesce(p_note, ''), coalesce((select left(minqing.shown_text(r), 80) from minqing.reports r where r.id = c.first_report), ''));
begin
    insert into minqing.mobilisations (id, "case", unit, exercise, text, called_at, called_by)
    values (p_id, c.id, p_unit, p_exercise, words, minqing.now(), (p_who).account);
    perform minqing.make_task(c.id, p_id, a.account, 'mobilise', p_exercise, words, null)
    from minqing.accounts a
    join minqing.persons p on p.id = a.person
    where a.role = 'device' and not a.locked and p.unit = any(minqing.units_of(p_unit))
    order by a.account;
    update minqing.cases k set exercise = true where k.id = c.id and p_exercise;
    insert into minqing.timers ("case", chain, step, due_at)
    values (c.id, 'call_again', 'again', minqing.now() + make_interval(mins => coalesce(minqing.setting('call_again_minutes')::integer, 3)))
    on conflict ("case", chain) do update set step = excluded.step, due_at = excluded.due_at;
    return minqing.mobilisation_counts(c.id);
end
$$;

create function stand_down(p_case uuid) returns jsonb language plpgsql as
$$
begin
    update minqing.mobilisations x set ended_at = minqing.now() where x."case" = p_case and x.ended_at is null;
    perform minqing.end_tasks(p_case, 'mobilise'), minqing.end_tasks(p_case, 'leader');
    delete from minqing.timers t where t."case" = p_case and t.chain = 'call_again';
    return minqing.mobilisation_counts(p_case);
end
$$;

-- Calls a unit to critical cases by rule, where the county wants it: the team, squadron or brigade of the case's village.
-- In: cases just opened. Out: the events.
create function mobilise_by_rule(p_cases uuid[]) returns setof bigint language plpgsql as
$$
declare
    wanted text := minqing.setting('mobilise_critical');
    c minqing.cases;
    before jsonb;
    unit text;
    who minqing.acting := row('engine', null, null)::minqing.acting;
begin
    if wanted is null then
        return;
    end if;
    for c in select k.* from minqing.cases k where k.id = any(p_cases) and k.severity = 4 and not k.restricted order by k.id loop
        with recursive above as (
            select u.* from minqing.units u where u.level = 'team' and u.area = left(c.area, 12)
            union all
            select u.* from minqing.units u join above a on u.code = a.parent
        )
        select a.code into unit from above a where a.level = wanted;
        if unit is not null then
            before := minqing.case_snapshot(c);
            return next minqing.finish_change(before, c.id, 'mobilised', who, null, null,
                                              minqing.mobilise(c, who, gen_random_uuid(), unit, null, false), false, false);
        end if;
    end loop;
end
$$;

-- Those who did not answer are called again; after the last round their squadrons' leaders get the list. Out: what happened, null for
-- nothing more to do; and its data.
create function call_again(c cases, out what text, out data jsonb) language plpgsql as
$$
declare
    x minqing.mobilisations;
    silent uuid[];
    listed record;
begin
    select m.* into x from minqing.mobilisations m where m."case" = c.id and m.ended_at is null;
    select array_agg(t.id) into silent from minqing.tasks t where t.mobilisation = x.id and t.kind = 'mobilise' and t.state = 'called';
    if x.id is null or silent is null or x.listed_at is not null then
        delete from minqing.timers t where t."case" = c.id and t.chain = 'call_again';
        return;
    end if;
    what := 'called_again';
    if x.rounds < coalesce(minqing.setting('call_again_rounds')::integer, 2) then
        update minqing.mobilisations m set rounds = m.rounds + 1 where m.id = x.id;
        perform minqing.announce_tasks(silent);
        update minqing.timers t
        set due_at = minqing.now() + make_interval(mins => coalesce(minqing.setting('call_again_minutes')::integer, 3))
        where t."case" = c.id and t.chain = 'call_again';
        data := minqing.mobilisation_counts(c.id);
        return;
    end if;
    update minqing.mobilisations m set listed_at = minqing.now() where m.id = x.id;
    delete from minqing.timers t where t."case" = c.id and t.chain = 'call_again';
    for listed in
        with recursive squadron as (
            select u.code, u.code as top, u.leader from minqing.units u where u.level = 'squadron'
            union all
            select u.code, s.top, s.leader from minqing.units u join squadron s on u.parent = s.code
        )
        select s.leader, string_agg(coalesce(p.name, t.device) || coalesce('（' || p.phone || '）', ''), '、' order by p.name) as names, count(*) as n
        from minqing.tasks t
        join minqing.accounts a on a.account = t.device
        left join minqing.persons p on p.id = a.person
        join squadron s on s.code = p.unit
        join minqing.accounts l on l.account = s.leader and l.role = 'device' and not l.locked
        where t.id = any(silent)
        group by s.top, s.leader
        order by s.leader
    loop
        perform minqing.make_task(c.id, x.id, listed.leader, 'leader', x.exercise,
            left(format('%s%s：%s 人未应答 / not answered: %s', case when x.exercise then '【演练】' else '' end, c.number, listed.n, listed.names), 3900), null);
    end loop;
    data := minqing.mobilisation_counts(c.id) || '{"listed": true}';
end
$$;

-- Answers ---------------------------------------------------------------------------------------------------------------

-- One officer's answer to a task, or about a case. Out: the event, or why nothing followed.
create function answer_one(a answers, out event bigint, out refused text) language plpgsql as
$$
declare
    task minqing.tasks;
    c minqing.cases;
    home text;
    who minqing.acting := row('officer', a.account, null)::minqing.acting;
    m jsonb := jsonb_strip_nulls(jsonb_build_object('note', a.note));
    rule record;
    before jsonb;
    done record;
    at timestamptz := minqing.now();
begin
    select t.* into task from minqing.tasks t where t.id = a.task;
    if a.task is not null and task.device is distinct from a.account then
        refused := '没有派给本机的此项任务 / no such task for this device';
        return;
    end if;
    -- the case first, as everyone does; then the task as it is by now
    select k.* into c from minqing.cases k where k.id = coalesce(task."case", a."case") for update;
    select t.* into task from minqing.tasks t where t.id = a.task for update;
    select u.area into home from minqing.accounts u where u.account = a.account;
    -- who was given a task may answer it, wherever at home: who reported it may be from the next town
    if c.id is null or task.id is null and (left(home, 9) is distinct from c.town
       or c.restricted and not exists (select from minqing.case_reports k where k."case" = c.id and k.account = a.account))
    then
        refused := '没有此事件 / no such case for this officer';
        return;
    end if;
    before := minqing.case_snapshot(c);

    if a.answer in ('verified', 'rework') then
        select x.* into rule from minqing.transition_of('case', a.answer, 'officer', c.state, null, m) x;
        refused := coalesce(rule.refused, minqing.refusal_of(c, rule.t, who, m));
        if refused is null then
            update minqing.tasks t set state = 'done', note = a.note where t.id = task.id;
            select x.* into done from minqing.carry_out(c, rule.t, who, m, null) x;
            event := minqing.finish_change(before, c.id, done.what, who, a.note, a.id,
                done.data || jsonb_strip_nulls(jsonb_build_object('task', task.id, 'attachments', nullif(to_jsonb(a.attachments), '[]'))),
                (rule.t).raises, (rule.t).tells);
        end if;
        return;
    end if;

    if task.id is null then
        refused := '须对应一项任务 / names no task';
        return;
    end if;
    select x.* into rule from minqing.transition_of('task', a.answer, 'officer', task.state, null, m) x;
    refused := coalesce(rule.refused, case when task.kind = 'verify' and a.answer = 'result' then
        '核查须答复通过或返工 / a verification is answered with verified or rework' end);
    if refused is null then
        update minqing.tasks t
        set state = (rule.t).to_state, note = coalesce(a.note, t.note), acknowledged_at = coalesce(t.acknowledged_at, at),
            arrived_at = case when a.answer = 'arrived' then at else t.arrived_at end
        where t.id = task.id;
        event := minqing.finish_change(before, c.id, (rule.t).event, who, a.note, a.id,
            coalesce(case when task.kind = 'mobilise' then minqing.mobilisation_counts(c.id) end, '{}')
                || jsonb_strip_nulls(jsonb_build_object('task', task.id, 'kind', task.kind, 'attachments', nullif(to_jsonb(a.attachments), '[]'))),
            false, false);
    end if;
end
$$;

-- What the dispatcher does with answers and visits that were stored: each once. A visit that settled something is a line of the stream,
-- and nobody is troubled. In: parallel arrays of ids and what they are. Out: one row an event.
create function handle_answered(p_ids uuid[], p_what text[])
returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    a minqing.answers;
    v minqing.visits;
    done record;
    made bigint;
begin
    for a in
        select s.* from minqing.answers s
        where s.id in (select i.id from unnest(p_ids, p_what) as i (id, what) where i.what = 'answer')
          and not exists (select from minqing.outcomes u where u.id = s.id)
        order by coalesce(s."case", (select t."case" from minqing.tasks t where t.id = s.task)), s.received_at, s.id
    loop
        select x.* into done from minqing.answer_one(a) x;
        insert into minqing.outcomes (id, what, at, done, reason, event)
        values (a.id, 'answer', minqing.now(), done.event is not null, done.refused, done.event)
        on conflict on constraint outcomes_pkey do nothing;
        if done.event is not null then
            return query select done.event, e.ref, a.traceparent from minqing.case_events e where e.id = done.event;
        elsif a.task is not null then
            -- the officer hears why: the task comes again with it
            update minqing.tasks t set note = done.refused where t.id = a.task and t.device = a.account and t.state <> 'done';
            perform minqing.announce_tasks(array[a.task])
            from minqing.tasks t where t.id = a.task and t.device = a.account and t.state <> 'done';
            return query select 0::bigint, t."case", a.traceparent from minqing.tasks t where t.id = a.task and t.device = a.account;
        end if;
    end loop;
    for v in
        select s.* from minqing.visits s
        where s.id in (select i.id from unnest(p_ids, p_what) as i (id, what) where i.what = 'visit')
          and not exists (select from minqing.outcomes u where u.id = s.id)
        order by s.received_at, s.id
    loop
        update minqing.tasks t
        set state = 'done', note = left(coalesce(v.masked, v.text), 200), acknowledged_at = coalesce(t.acknowledged_at, minqing.now())
        where t.id = v.task and t.device = v.account and t.kind = 'visit' and t.state in ('called', 'acknowledged', 'arrived');
        made := null;
        if coalesce(v.service, '') <> '' then
            insert into minqing.case_events (ref, at, what, actor, account, person, version, data)
            values (v.id, minqing.now(), 'service', 'officer', v.account, v.person, 1, jsonb_build_object('town', v.town, 'area', v.area))
            returning id into made;
            return query select made, v.id, v.traceparent;
        end if;
        insert into minqing.outcomes (id, what, at, done, event) values (v.id, 'visit', minqing.now(), true, made)
        on conflict on constraint outcomes_pkey do nothing;
    end loop;
end
$$;

-- The clock ---------------------------------------------------------------------------------------------------------------

-- What is due of one case, whose row is locked. Out: the events.
create function run_case_timers(c cases) returns setof bigint language plpgsql as
$$
declare
    timer minqing.timers;
    before jsonb;
    who minqing.acting := row('clock', null, null)::minqing.acting;
    due timestamptz;
    minutes integer;
    clock text;
    called record;
    levels text[] := array['village', 'town', 'county', 'city'];
    at timestamptz := minqing.now();
    rule record;
begin
    for timer in select t.* from minqing.timers t where t."case" = c.id and t.due_at <= at order by t.due_at, t.chain loop
        select k.* into c from minqing.cases k where k.id = c.id;
        before := minqing.case_snapshot(c);
        select x.* into rule from minqing.transition_of('case',
            case when timer.chain = 'call_out' then 'call_out' when timer.chain = 'resume' then 'resume' when timer.chain = 'call_again' then 'call_again'
                 when timer.step = 'remind' then 'remind' when timer.step = 'due' then 'supervise' else 'escalate' end,
            'clock', c.state, null, '{}') x;
        if rule.refused is not null then
            -- the case has gone on since
            delete from minqing.timers t where t."case" = c.id and t.chain = timer.chain;
            continue;
        end if;
        due := case timer.chain when 'sign' then c.sign_by when 'outcome' then c.outcome_by else c.handle_by end;
        minutes := case timer.chain when 'sign' then c.sign_minutes when 'outcome' then 1440 else c.handle_minutes end;
        clock := case timer.chain when 'outcome' then 'working_days' else c.clock end;
        if timer.chain = 'call_again' then
            select x.* into called from minqing.call_again(c) x;
            if called.what is not null then
                return next minqing.finish_change(before, c.id, called.what, who, null, null, called.data, (rule.t).raises, (rule.t).tells);
            end if;
        elsif timer.chain = 'call_out' then
            update minqing.timers t
            set due_at = at + make_interval(mins => (select s.call_out_minutes from minqing.severities s where s.severity = c.severity))
            where t."case" = c.id and t.chain = timer.chain;
            return next minqing.finish_change(before, c.id, 'called_out', who, null, null,
                                              jsonb_build_object('unsigned_minutes', (extract(epoch from at - c.assigned_at) / 60)::integer),
                                              (rule.t).raises, (rule.t).tells);
        elsif timer.chain = 'resume' then
            update minqing.cases k set state = 'in_progress', suspended_until = null where k.id = c.id;
            return next minqing.finish_change(before, c.id, 'resumed', who, null, null, null, (rule.t).raises, (rule.t).tells);
        elsif timer.step = 'remind' then
            update minqing.timers t set step = 'due', due_at = due where t."case" = c.id and t.chain = timer.chain;
            return next minqing.finish_change(before, c.id, 'reminded', who, null, null,
                                              jsonb_build_object('chain', timer.chain, 'due', minqing.wire_time(due)), (rule.t).raises, (rule.t).tells);
        elsif timer.step = 'due' then
            update minqing.timers t set step = 'escalate', due_at = minqing.next_escalation(due, minutes, clock)
            where t."case" = c.id and t.chain = timer.chain;
            return next minqing.finish_change(before, c.id, 'supervised', who, null, null,
                                              jsonb_build_object('chain', timer.chain, 'due', minqing.wire_time(due)), (rule.t).raises, (rule.t).tells);
        elsif c.level = 'city' then
            delete from minqing.timers t where t."case" = c.id and t.chain = timer.chain;
        else
            update minqing.cases k set level = levels[array_position(levels, k.level) + 1] where k.id = c.id;
            update minqing.timers t set due_at = minqing.next_escalation(due, minutes, clock) where t."case" = c.id and t.chain = timer.chain;
            return next minqing.finish_change(before, c.id, 'escalated', who, null, null,
                                              jsonb_build_object('chain', timer.chain, 'from', c.level), (rule.t).raises, (rule.t).tells);
        end if;
    end loop;
end
$$;

-- Does what is due, for at most p_limit cases. A case that somebody is just changing is left for the next look; two clocks do nothing
-- twice. Out: one row an event.
create function run_timers(p_limit integer) returns table (event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    c minqing.cases;
    wanted uuid;
begin
    for wanted in
        select d."case" from (select t."case" from minqing.timers t where t.due_at <= minqing.now() order by t.due_at limit p_limit) d
        group by d."case" order by d."case"
    loop
        select k.* into c from minqing.cases k where k.id = wanted for update skip locked;
        if c.id is not null then
            return query
            select t, c.id, r.traceparent from minqing.run_case_timers(c) t join minqing.reports r on r.id = c.first_report;
        end if;
    end loop;
end
$$;
