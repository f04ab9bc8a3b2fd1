-- What desks, the command centre, officers and the clock may do to a case, and what follows. The table transitions says who, when and
-- with what; transition_of is the one place that enforces it; refusal_of has what a table cannot say; carry_out does it.
set search_path = minqing, public;

-- The rules ---------------------------------------------------------------------------------------------------------

-- What an account is to a case: its acting, or null where the case is none of its business. A desk acts for its department where that
-- has a part, an operator for the command centre, each in its area.
create function actor_on(c cases, p_account text, p_department text) returns acting language plpgsql stable as
$$
declare
    a record;
    part text;
begin
    select o.account, o.role, o.area, o.department into a from minqing.accounts o where o.account = p_account and not o.locked;
    if a.account is null or c.id is null or c.area not like a.area || '%' then
        return null;
    elsif a.role = 'operator' and p_department is null then
        return row('command', p_account, null)::minqing.acting;
    elsif a.role = 'desk' and a.department = p_department then
        select s.role into part from minqing.assignments s where s."case" = c.id and s.department = p_department and s.ended_at is null;
        return case when part is not null then row(part, p_account, p_department)::minqing.acting end;
    end if;
    return null;
end
$$;

-- The state of the actor's own part, null for who has none.
create function part_state(p_case uuid, p_who acting) returns text language plpgsql stable as
$$
begin
    return (select a.state from minqing.assignments a where a."case" = p_case and a.department = (p_who).department and a.ended_at is null);
end
$$;

-- What the actor may do now, in the order of the table's words.
create function allowed_to(p_subject text, p_state text, p_actor text, p_part text) returns text[] language plpgsql stable as
$$
begin
    return array(select t.action
                 from minqing.transitions t
                 where t.subject = p_subject and t.actor = p_actor and p_state = any(t.from_states)
                   and (t.from_parts is null or p_part = any(t.from_parts))
                 order by t.action);
end
$$;

create function allowed_actions(p_case uuid, p_account text) returns text[] language plpgsql stable as
$$
declare
    c minqing.cases;
    who minqing.acting;
begin
    select k.* into c from minqing.cases k where k.id = p_case;
    who := minqing.actor_on(c, p_account, (select a.department from minqing.accounts a where a.account = p_account));
    return case when who is null then '{}' else minqing.allowed_to('case', c.state, (who).actor, minqing.part_state(c.id, who)) end;
end
$$;
comment on function allowed_actions is 'What this account may do to this case now.';

-- Does the action name what it needs? note and reason stand in for each other: both are words of why and what.
create function missing_of(p_needs text[], p_message jsonb) returns text language plpgsql immutable as
$$
declare
    need text;
    given text;
begin
    foreach need in array p_needs loop
        given := case when need in ('note', 'reason') then concat(p_message ->> 'note', p_message ->> 'reason') else p_message ->> need end;
        -- blanks of every sort are no words; trim knows only the space
        if given is null or given = '[]' or given !~ '[^[:space:]　]' then
            return need;
        end if;
    end loop;
    return null;
end
$$;

-- The rule for an action, or why there is none. p_part: state of the actor's own part.
create function transition_of(p_subject text, p_action text, p_actor text, p_state text, p_part text, p_message jsonb, out t transitions, out refused text)
language plpgsql stable as
$$
declare
    missing text;
begin
    select r.* into t from minqing.transitions r where r.subject = p_subject and r.action = p_action and r.actor = p_actor;
    if t.action is null then
        refused := format('%s不能“%s” / %s is not for %s', case p_actor when 'lead' then '主办部门' when 'supporting' then '协办部门'
                          when 'command' then '指挥中心' when 'officer' then '网格员' else p_actor end, p_action, p_action,
                          case p_actor when 'lead' then 'the lead' when 'supporting' then 'a supporting department' when 'command' then
                          'the command centre' when 'officer' then 'an officer' else p_actor end);
    elsif not p_state = any(t.from_states) then
        refused := format('当前状态（%s）不能%s / not possible while it is %s', p_state, t.name_zh, p_state);
    elsif t.from_parts is not null and not coalesce(p_part = any(t.from_parts), false) then
        refused := format('本部门任务状态（%s）不能%s / not possible while your part is %s', p_part, t.name_zh, p_part);
    else
        missing := minqing.missing_of(t.needs, p_message);
        refused := case when missing is not null then format('%s须写明 %s / %s needs a %s%s', t.name_zh, missing, p_action, missing,
                          case when missing in ('note', 'reason') then ' (note or reason)' else '' end) end;
    end if;
end
$$;

-- Did this person handle the case? Who did never verifies or closes it.
create function has_handled(p_case uuid, p_account text) returns boolean language plpgsql stable as
$$
begin
    return exists (
        select from minqing.case_events e
        where e."case" = p_case
          and e.person = (select a.person from minqing.accounts a where a.account = p_account)
          and (e.actor in ('lead', 'supporting') and e.what in ('signed', 'part_signed', 'progress', 'part_progress', 'resolved', 'part_resolved')
               or e.what in ('arrived', 'task_done') and e.data ->> 'kind' = 'mobilise'));
end
$$;

create function calls_back(c cases) returns boolean language plpgsql stable as
$$
begin
    return c.severity < 4 and coalesce((select k.call_back from minqing.kinds k where k.code = c.kind),
                                       (select d.call_back from minqing.domains d where d.code = c.domain));
end
$$;

-- What the table cannot say. Null: nothing against it.
create function refusal_of(c cases, t transitions, p_who acting, m jsonb) returns text language plpgsql stable as
$$
declare
    at timestamptz := minqing.now();
    until timestamptz := (m ->> 'until')::timestamptz;
    department text := m ->> 'department';
begin
    if t.action in ('extend', 'suspend') then
        return case
            when c.request is not null then '已有申请待批 / something was asked for already and waits for an answer'
            when at >= coalesce(c.outcome_by, c.handle_by) then '已过时限，不能申请 / must be asked for before the deadline'
            when t.action = 'extend' and until <= coalesce(c.outcome_by, c.handle_by) then '延期须晚于现时限 / until must be after the present deadline'
            when until <= at then '须为将来的时间 / until must lie ahead' end;
    elsif t.action in ('approve', 'deny') and c.request is null then
        return '没有待批的申请 / nothing was asked for';
    elsif t.action = 'approve' and until <= at then
        return '须为将来的时间 / until must lie ahead';
    elsif t.action in ('support', 'reassign', 'return') and department is not null
          and not exists (select from minqing.departments d where d.code = department) then
        return '没有这个部门 / no such department: ' || department;
    elsif t.action in ('support', 'reassign') and (department = c.lead or department = 'command_centre') then
        return '已由该部门主办，或不能交给指挥中心 / it leads already, or is the command centre';
    elsif t.action = 'support' and exists (select from minqing.assignments a where a."case" = c.id and a.department = m ->> 'department'
                                           and a.ended_at is null and a.joint) then
        return '该部门已参与 / the department takes part already';
    elsif t.action = 'correct' then
        return case
            when m ->> 'domain' is null and m ->> 'kind' is null and m ->> 'severity' is null then
                '须写明领域、类别或等级 / correct needs a domain, kind or severity'
            when m ->> 'kind' is not null and not exists (select from minqing.kinds k where k.code = m ->> 'kind') then
                '类别不在目录中 / not in the catalogue: ' || (m ->> 'kind')
            when m ->> 'domain' is not null and m ->> 'kind' is not null and split_part(m ->> 'kind', '.', 1) <> m ->> 'domain' then
                '类别不属于该领域 / the kind is not of that domain' end;
    elsif t.event in ('verified', 'closed') and minqing.has_handled(c.id, (p_who).account) then
        return '经办人不得核查、结案 / who handled a case neither verifies nor closes it';
    elsif t.action = 'call_back' and not minqing.calls_back(c) then
        return '须现场核查 / must be verified on the spot';
    end if;
    return null;
end
$$;

-- What follows --------------------------------------------------------------------------------------------------------

-- The department whose job a return says it is: named by code, or by a name or alias in the reason, the longest first.
create function meant_department(p_named text, p_reason text, p_not text[]) returns text language plpgsql stable as
$$
begin
    return coalesce(
        p_named,
        (select d.code
         from minqing.departments d cross join lateral unnest(d.aliases || d.name_zh) n
         where position(n in p_reason) > 0 and not d.code = any(p_not) and d.code <> 'command_centre'
         order by length(n) desc, d.code
         limit 1));
end
$$;

-- The next rule after departments gave the case back: that of the kind of which the meant department is lead, within the domain and
-- those it touches; where none is meant, the case's own kind and then the domain's default, as far as others lead there. No row: the
-- command centre has to say.
create function next_route(c cases, p_meant text, p_not text[]) returns setof routes language plpgsql stable as
$$
begin
    return query
    select r.*
    from minqing.routes r
    where r.domain = any(c.domain || case when c.restricted then '{}' else c.also end)
      and c.area like r.area || '%' and (r.severity is null or r.severity <= c.severity)
      and not r.lead = any(p_not)
      and r.restricted = c.restricted
      and case when p_meant is not null then r.lead = p_meant else r.kind is null or r.kind = c.kind end
    order by r.domain = c.domain desc, r.kind is not distinct from c.kind desc, r.kind is null desc, length(r.area) desc, r.severity desc nulls last, r.kind
    limit 1;
end
$$;

-- 退单: dispatched again by the next rule; late ones, the second, and where no rule is left, to the command centre. Out: data of the event.
create function return_case(c cases, p_who acting, m jsonb) returns jsonb language plpgsql as
$$
declare
    reason text := coalesce(m ->> 'reason', m ->> 'note');
    back text[] := array(select a.department from minqing.assignments a where a."case" = c.id and a.state = 'returned') || c.lead;
    meant text := minqing.meant_department(m ->> 'department', reason, back);
    late boolean := minqing.now() > case when c.state = 'assigned' then c.sign_by else c.handle_by end;
    route minqing.routes;
    kinds text[];
begin
    if c.returns < 1 and not late then
        select r.* into route from minqing.next_route(c, meant, back) r;
    end if;
    update minqing.cases k set returns = k.returns + 1 where k.id = c.id;
    if route.lead is null then
        perform minqing.assign_lead(c.id, 'command_centre', c.sign_minutes, c.handle_minutes, c.clock, 'returned');
        return jsonb_build_object('department', 'command_centre', 'from', c.lead, 'late', late);
    end if;
    perform minqing.assign_lead(c.id, route.lead, route.sign_minutes, route.handle_minutes, route.clock, 'returned');
    perform minqing.add_parts(c.id, array(select d from unnest(route.supporting) d where not d = any(back)), false);
    -- where the department leads just one kind of the domain, that is what it is
    select array_agg(distinct r.kind) into kinds from minqing.routes r where r.domain = route.domain and r.lead = route.lead and r.kind is not null;
    update minqing.cases k
    set domain = route.domain, kind = case when cardinality(kinds) = 1 then kinds[1] when route.kind is not null then route.kind
                                           when route.domain = k.domain then k.kind end,
        also = array_remove(k.also, route.domain)
    where k.id = c.id;
    insert into minqing.examples (at, report, source, domain, kind, severity, account)
    select minqing.now(), c.first_report, 'return', k.domain, k.kind, k.severity, (p_who).account from minqing.cases k where k.id = c.id
    on conflict on constraint examples_report_source_key do update
    set domain = excluded.domain, kind = excluded.kind, severity = excluded.severity, at = excluded.at, account = excluded.account;
    return jsonb_build_object('department', route.lead, 'from', c.lead, 'late', late);
end
$$;

-- A correction reroutes where the lead or the restriction differs; otherwise only the deadlines follow, from when the case was assigned.
create function correct_case(c cases, p_who acting, m jsonb) returns jsonb language plpgsql as
$$
declare
    new_kind text := m ->> 'kind';
    new_domain text := coalesce(split_part(new_kind, '.', 1), m ->> 'domain', c.domain);
    new_severity smallint := coalesce((m ->> 'severity')::smallint, c.severity);
    route minqing.routes;
    cap minqing.severities;
    sign integer;
    handle integer;
    new_clock text;
begin
    new_kind := coalesce(new_kind, case when new_domain = c.domain then c.kind end);
    route := minqing.route_of(new_domain, new_kind, c.area, new_severity);
    select s.* into cap from minqing.severities s where s.severity = new_severity;
    sign := route.sign_minutes;
    handle := route.handle_minutes;
    new_clock := route.clock;
    if new_severity > route.default_severity and cap.sign_minutes is not null then
        sign := least(sign, cap.sign_minutes);
        handle := least(handle, cap.handle_minutes);
        new_clock := 'hours';
    end if;
    update minqing.cases k
    set domain = new_domain, kind = new_kind, severity = new_severity, restricted = route.restricted,
        also = case when route.restricted then '{}' else array_remove(k.also, new_domain) end
    where k.id = c.id;
    if route.lead <> c.lead then
        perform minqing.assign_lead(c.id, route.lead, sign, handle, new_clock, 'released');
    else
        update minqing.cases k
        set sign_minutes = sign, handle_minutes = handle, clock = new_clock,
            sign_by = minqing.deadline(k.assigned_at, sign, new_clock), handle_by = minqing.deadline(k.assigned_at, handle, new_clock)
        where k.id = c.id;
    end if;
    -- those who were there by the old rule alone leave; where the new one is restricted, all whom it does not name
    update minqing.assignments a
    set ended_at = minqing.now(), state = 'released'
    where a."case" = c.id and a.ended_at is null and a.role = 'supporting' and not a.department = any(route.supporting)
      and (route.restricted or new_domain <> c.domain and not a.joint);
    perform minqing.add_parts(c.id, route.supporting, false);
    insert into minqing.examples (at, report, source, domain, kind, severity, account)
    values (minqing.now(), c.first_report, 'correction', new_domain, new_kind, new_severity, (p_who).account)
    on conflict on constraint examples_report_source_key do update
    set domain = excluded.domain, kind = excluded.kind, severity = excluded.severity, at = excluded.at, account = excluded.account;
    return jsonb_build_object('domain', new_domain, 'kind', new_kind, 'severity', new_severity);
end
$$;

-- The case is resolved once no part is open that it waits for, the lead's among them. Out: whether it is.
create function settle_case(p_case uuid) returns boolean language plpgsql as
$$
begin
    if exists (select from minqing.assignments a where a."case" = p_case and a.ended_at is null and a.joint and a.state <> 'resolved') then
        return false;
    end if;
    update minqing.cases k
    set state = 'resolved', resolved_at = minqing.now(), request = null, suspended_until = null
    where k.id = p_case;
    perform minqing.ask_to_verify(p_case);
    return true;
end
$$;

-- The lead's or a supporting department's own part is done; the case only when all joint parts are. Out: the event's word.
create function resolve_part(c cases, p_who acting, p_note text) returns text language plpgsql as
$$
begin
    if (p_who).actor = 'lead' then
        update minqing.cases k set result = p_note where k.id = c.id;
    end if;
    if minqing.settle_case(c.id) then
        return 'resolved';
    end if;
    update minqing.cases k set state = 'in_progress', suspended_until = null where k.id = c.id and (p_who).actor = 'lead';
    return 'part_resolved';
end
$$;

-- Merging: the reports of one case go to the other, and those who reported hear its number. Out: why not, or null.
create function merge_refusal(c cases, o cases, p_who acting) returns text language plpgsql stable as
$$
begin
    return case
        when o.id is null or minqing.actor_on(o, (p_who).account, null) is null then '目标事件不在本辖区 / no such case in your area to merge into'
        when o.id = c.id then '不能并入自身 / a case cannot be merged into itself'
        when o.state not in ('assigned', 'signed', 'in_progress', 'suspended') then '目标事件不在办 / the other case is not open: ' || o.state
        when o.restricted <> c.restricted then '受限与非受限事件不能合并 / restricted and unrestricted cases stay apart'
        when exists (select from minqing.mobilisations x where x."case" = c.id and x.ended_at is null) then
            '该事件正在动员：请反向合并或先解除 / officers are mobilised to it: merge the other way round, or stand down first' end;
end
$$;

create function merge_case(c cases, o cases, p_who acting, p_note text, p_message uuid) returns bigint language plpgsql as
$$
declare
    before jsonb := minqing.case_snapshot(o);
begin
    update minqing.case_reports m set "case" = o.id where m."case" = c.id;
    update minqing.cases k
    set report_count = k.report_count + c.report_count, severity = greatest(k.severity, c.severity),
        also = case when k.restricted then k.also else array_remove(array(select distinct a from unnest(k.also || c.also || c.domain) a order by a), k.domain) end,
        observed_from = least(k.observed_from, c.observed_from), observed_to = greatest(k.observed_to, c.observed_to),
        location = coalesce(k.location, c.location), has_subject = k.has_subject or c.has_subject,
        words = case when icount(k.words) < 400 then uniq(sort(k.words || c.words)) else k.words end
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

-- Splitting: some reports become a case of their own.
create function split_refusal(c cases, m jsonb) returns text language plpgsql stable as
$$
declare
    asked uuid[] := array(select r::uuid from jsonb_array_elements_text(m -> 'reports') r);
    theirs integer;
begin
    select count(*) into theirs from minqing.case_reports k where k."case" = c.id and k.report = any(asked);
    return case
        when theirs <> (select count(distinct a) from unnest(asked) a) then '有的上报不属于此事件 / some of the reports are not of this case'
        when theirs >= c.report_count then '至少须留一条上报 / at least one report must stay'
        when m ->> 'kind' is not null and not exists (select from minqing.kinds k where k.code = m ->> 'kind') then
            '类别不在目录中 / not in the catalogue: ' || (m ->> 'kind') end;
end
$$;

create function split_case(c cases, p_new uuid, p_who acting, m jsonb) returns setof bigint language plpgsql as
$$
declare
    asked uuid[] := array(select distinct r::uuid from jsonb_array_elements_text(m -> 'reports') r);
    first uuid;
    placed minqing.placement[];
    opened bigint;
    before jsonb;
begin
    select r.id into first from minqing.reports r where r.id = any(asked) order by least(r.observed_at, r.received_at), r.id limit 1;
    delete from minqing.case_reports k where k."case" = c.id and k.report = any(asked);
    update minqing.cases k
    set report_count = k.report_count - cardinality(asked),
        first_report = case when k.first_report = any(asked)
                            then (select x.report from minqing.case_reports x where x."case" = c.id order by x.added_at, x.report limit 1)
                            else k.first_report end,
        has_subject = exists (select from minqing.case_reports x join minqing.reports r on r.id = x.report
                              where x."case" = c.id and r.subject_key is not null)
    where k.id = c.id;
    delete from minqing.announcements a
    where a.ref = c.id and a.topic = 4
      and not exists (select from minqing.case_reports x where x."case" = c.id and x.account = a.audience);

    select array_agg(w) into placed
    from minqing.placements(array[first], array[p_new], array[coalesce(split_part(m ->> 'kind', '.', 1), c.domain)],
                          array[coalesce(m ->> 'kind', c.kind)], array[c.severity], array[array_to_string(c.also, ',')], true) w;
    select o.event into opened
    from minqing.open_cases(placed, (p_who).account, (m ->> 'id')::uuid, jsonb_build_object('from', c.id)) o;
    return next opened;
    if cardinality(asked) > 1 then
        select array_agg(w) into placed
        from unnest(asked) a
        cross join lateral minqing.placements(array[a], array[p_new], array[c.domain], array[null::text], array[c.severity], array[''], false) w
        where a <> first;
        return query select j.event from minqing.join_cases(placed, array_fill(p_new, array[cardinality(placed)]), (p_who).account, (m ->> 'id')::uuid) j;
    end if;
    update minqing.cases k set split_from = c.id where k.id = p_new;
end
$$;

-- Does it, as far as the case itself goes. In: the case as locked, the rule, who, the message. Out: the event's word and its data; others
-- are the events of other cases that it changed.
create function carry_out(c cases, t transitions, p_who acting, m jsonb, p_new uuid, out what text, out data jsonb, out others bigint[])
language plpgsql as
$$
declare
    at timestamptz := minqing.now();
    note text := coalesce(nullif(m ->> 'note', ''), m ->> 'reason');
    days integer;
    -- granted, where the command centre says so; else as asked for
    until timestamptz := coalesce(m ->> 'until', c.request ->> 'until')::timestamptz;
    other minqing.cases;
begin
    what := t.event;
    data := jsonb_strip_nulls(jsonb_build_object('attachments', m -> 'attachments'));
    if t.to_part is not null and (p_who).department is not null then
        update minqing.assignments a
        set state = t.to_part, joint = true,
            signed_at = case when t.to_part = 'signed' then at else a.signed_at end,
            resolved_at = case when t.to_part = 'resolved' then at else a.resolved_at end,
            ended_at = case when t.to_part = 'returned' then at else a.ended_at end
        where a."case" = c.id and a.department = (p_who).department and a.ended_at is null and (t.action <> 'return' or a.role = 'supporting');
    end if;
    -- what resolving, returning, assigning, approving and splitting make of the state they say themselves
    if t.to_state is not null and t.action not in ('resolve', 'return', 'reassign', 'reopen', 'rework') then
        update minqing.cases k
        set state = t.to_state,
            signed_at = case when t.to_state = 'signed' then at else k.signed_at end,
            verified_at = case when t.to_state = 'verified' then at else k.verified_at end,
            closed_at = case when t.to_state in ('closed', 'refused') then at else k.closed_at end,
            suspended_until = null,
            request = case when t.to_state in ('refused', 'merged') then null else k.request end
        where k.id = c.id;
    end if;

    case t.action
        when 'progress' then
            if (m ->> 'filed')::boolean and c.outcome_by is null and (p_who).actor = 'lead' then
                days := coalesce((select k.outcome_days from minqing.kinds k where k.code = c.kind),
                                 (select d.outcome_days from minqing.domains d where d.code = c.domain));
                update minqing.cases k set outcome_by = minqing.deadline(at, days * 1440, 'working_days') where k.id = c.id and days is not null;
                data := data || '{"filed": true}';
            end if;
        when 'resolve' then
            what := minqing.resolve_part(c, p_who, note);
        when 'return' then
            if (p_who).actor = 'lead' then
                data := data || minqing.return_case(c, p_who, m);
            else
                data := data || jsonb_build_object('department', (p_who).department);
                -- it may have been the last part that the case waited for
                perform minqing.settle_case(c.id);
            end if;
        when 'extend', 'suspend' then
            update minqing.cases k
            set request = jsonb_strip_nulls(jsonb_build_object(
                'what', case t.action when 'extend' then 'extension' else 'suspension' end, 'until', minqing.wire_time((m ->> 'until')::timestamptz),
                'reason', note, 'department', (p_who).department, 'account', (p_who).account, 'at', minqing.wire_time(at)))
            where k.id = c.id;
        when 'approve' then
            data := data || jsonb_build_object('request', c.request);
            if c.request ->> 'what' = 'extension' then
                update minqing.cases k
                set request = null,
                    handle_by = case when k.outcome_by is null then until else k.handle_by end,
                    outcome_by = case when k.outcome_by is not null then until end
                where k.id = c.id;
            else
                update minqing.cases k
                set request = null, state = 'suspended', suspended_until = until
                where k.id = c.id;
            end if;
        when 'deny' then
            data := data || jsonb_build_object('request', c.request);
            update minqing.cases k set request = null where k.id = c.id;
        when 'support' then
            perform minqing.add_parts(c.id, array[m ->> 'department'], true);
            data := data || jsonb_build_object('department', m ->> 'department');
        when 'reassign' then
            perform minqing.assign_lead(c.id, m ->> 'department', c.sign_minutes, c.handle_minutes, c.clock, 'released');
            data := data || jsonb_build_object('department', m ->> 'department', 'from', c.lead);
        when 'correct' then
            data := data || minqing.correct_case(c, p_who, m);
            -- those who left may have been the last whom the case waited for
            perform minqing.settle_case(c.id);
        when 'rework', 'reopen' then
            perform minqing.assign_lead(c.id, c.lead, c.sign_minutes, c.handle_minutes, c.clock, 'released');
            perform minqing.end_tasks(c.id, 'verify');
        when 'merge' then
            select k.* into other from minqing.cases k where k.id = (m ->> 'into')::uuid;
            others := array[minqing.merge_case(c, other, p_who, note, (m ->> 'id')::uuid)];
            data := data || jsonb_build_object('into', other.id, 'number', other.number);
        when 'split' then
            others := array(select minqing.split_case(c, p_new, p_who, m));
            data := data || jsonb_build_object('into', p_new, 'reports', m -> 'reports');
        when 'rate' then
            update minqing.cases k set rating = (m ->> 'rating')::smallint where k.id = c.id;
            data := data || jsonb_build_object('rating', (m ->> 'rating')::smallint);
        when 'mobilise' then
            data := data || minqing.mobilise(c, p_who, (m ->> 'id')::uuid, m ->> 'unit', note, coalesce((m ->> 'exercise')::boolean, false));
        when 'stand_down' then
            data := data || minqing.stand_down(c.id);
        when 'verified', 'call_back' then
            perform minqing.end_tasks(c.id, 'verify');
        when 'close', 'refuse' then
            if exists (select from minqing.mobilisations x where x."case" = c.id and x.ended_at is null) then
                data := data || minqing.stand_down(c.id);
            end if;
            perform minqing.end_tasks(c.id, 'verify');
        else
    end case;
end
$$;

-- Actions -------------------------------------------------------------------------------------------------------------

-- The reply that an action got before: the same again for the same bytes, a refusal for another's id; null where it is new.
create function replied(p_id uuid, p_account text, p_sha256 bytea) returns jsonb language plpgsql stable as
$$
declare
    before minqing.actions;
begin
    select a.* into before from minqing.actions a where a.id = p_id;
    return case
        when before.id is null then null
        when before.account = p_account and before.payload_sha256 = p_sha256 then before.reply
        else jsonb_build_object('v', 1, 'action', p_id, 'done', false,
                                'reason', '该编号已用于另一操作，请换新编号 / this id was used for another action: choose a new one') end;
end
$$;

create function keep_reply(p_id uuid, p_account text, p_sha256 bytea, p_reply jsonb) returns jsonb language plpgsql as
$$
begin
    insert into minqing.actions (id, account, at, payload_sha256, reply) values (p_id, p_account, minqing.now(), p_sha256, p_reply)
    on conflict (id) do nothing;
    return p_reply;
end
$$;

-- One action of a desk (p_department) or of the command centre (null). In: the message as it came, the sha256 of its bytes, the account
-- and the area of its topic, the id that a case would get that it opens. Out: the reply, and the events to announce.
create function act(m jsonb, p_sha256 bytea, p_account text, p_department text, p_area text, p_new uuid)
returns table (reply jsonb, event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    action uuid := (m ->> 'id')::uuid;
    c minqing.cases;
    other minqing.cases;
    who minqing.acting;
    rule record;
    t minqing.transitions;
    refused text;
    before jsonb;
    done record;
    changed bigint;
    answer jsonb;
    trace text;
begin
    if m ->> 'case' is null then
        return query select r.reply, r.event, r.ref, r.traceparent from minqing.act_on_review(m, p_sha256, p_account, p_department, p_area, p_new) r;
        return;
    end if;
    -- the rows first and in order, so that two actors take turns before either looks
    perform from minqing.cases k where k.id in ((m ->> 'case')::uuid, (m ->> 'into')::uuid) order by k.id for update;
    answer := minqing.replied(action, p_account, p_sha256);
    if answer is not null then
        return query select answer, null::bigint, null::uuid, null::text;
        return;
    end if;
    select k.* into c from minqing.cases k where k.id = (m ->> 'case')::uuid;
    who := minqing.actor_on(c, p_account, p_department);
    if who is null or c.town not like p_area || '%' then
        answer := minqing.keep_reply(action, p_account, p_sha256, jsonb_build_object('v', 1, 'action', action, 'done', false,
            'reason', '本辖区、本部门没有此事件 / no such case for your department and area'));
        return query select answer, null::bigint, null::uuid, null::text;
        return;
    end if;
    if (m ->> 'state_version')::integer <> c.state_version then
        refused := format('事件已变化（现为 %s，第 %s 版）：请先查看 / it has changed since (now %s, state_version %s): look again first',
                          c.state, c.state_version, c.state, c.state_version);
    else
        select x.* into rule from minqing.transition_of('case', m ->> 'action', (who).actor, c.state, minqing.part_state(c.id, who), m) x;
        t := rule.t;
        refused := rule.refused;
    end if;
    if refused is null then
        refused := minqing.refusal_of(c, t, who, m);
    end if;
    if refused is null and t.action = 'merge' then
        select k.* into other from minqing.cases k where k.id = (m ->> 'into')::uuid;
        refused := minqing.merge_refusal(c, other, who);
    elsif refused is null and t.action = 'split' then
        refused := minqing.split_refusal(c, m);
    elsif refused is null and t.action in ('mobilise', 'stand_down') then
        refused := minqing.mobilise_refusal(c, t.action, who, m ->> 'unit');
    end if;

    if refused is null then
        before := minqing.case_snapshot(c);
        select x.* into done from minqing.carry_out(c, t, who, m, p_new) x;
        changed := minqing.finish_change(before, c.id, done.what, who, coalesce(nullif(m ->> 'note', ''), m ->> 'reason'), action, done.data,
                                         t.raises, t.tells);
        select k.* into c from minqing.cases k where k.id = c.id;
    end if;
    answer := minqing.keep_reply(action, p_account, p_sha256, jsonb_strip_nulls(jsonb_build_object('v', 1, 'action', action,
        'done', refused is null, 'reason', refused, 'state', c.state, 'state_version', c.state_version,
        'case', case when t.action = 'split' and refused is null then p_new else c.id end,
        'number', case when t.action = 'split' and refused is null then (select k.number from minqing.cases k where k.id = p_new) else c.number end,
        'allowed', to_jsonb(minqing.allowed_to('case', c.state, (who).actor, minqing.part_state(c.id, who))))));
    select r.traceparent into trace from minqing.reports r where r.id = c.first_report;
    return query select answer, changed, c.id, trace;
    if refused is null then
        return query
        select null::jsonb, e.id, e.ref, trace from minqing.case_events e where e.id = any(done.others) order by e.id;
    end if;
end
$$;

-- Reviews -------------------------------------------------------------------------------------------------------------

drop function decide_review(uuid, bytea, text, text, uuid, uuid, text, text, smallint, boolean, text);

-- The command centre about a waiting report: accepted for handling, decided (it becomes a case or joins one), or refused.
create function act_on_review(m jsonb, p_sha256 bytea, p_account text, p_department text, p_area text, p_case uuid)
returns table (reply jsonb, event bigint, ref uuid, traceparent text) language plpgsql as
$$
declare
    action uuid := (m ->> 'id')::uuid;
    wanted uuid := (m ->> 'report')::uuid;
    words text := coalesce(nullif(m ->> 'note', ''), m ->> 'reason');
    review minqing.reviews;
    reported minqing.reports;
    rule record;
    t minqing.transitions;
    refused text;
    answer jsonb;
    chosen_domain text := coalesce(split_part(m ->> 'kind', '.', 1), m ->> 'domain');
    chosen_severity smallint;
    at timestamptz := minqing.now();
    done_event bigint;
    placed minqing.placement[];
    c minqing.cases;
    opened record;
begin
    select r.* into reported from minqing.reports r where r.id = wanted;
    -- deciding places the report, and who places holds the town's turn before anything else
    perform minqing.lock_towns(array[reported.town]) where reported.town is not null and m ->> 'action' = 'decide';
    select r.* into review from minqing.reviews r where r.report = wanted for update;
    answer := minqing.replied(action, p_account, p_sha256);
    if answer is not null then
        return query select answer, null::bigint, null::uuid, null::text;
        return;
    end if;

    if p_department is not null or not exists (select from minqing.accounts a where a.account = p_account and a.role = 'operator' and not a.locked
                                               and coalesce(reported.town, p_area) like a.area || '%') then
        refused := '只有本辖区指挥中心可以判定 / only an operator of the area decides reviews';
    elsif reported.id is null or reported.town not like p_area || '%' then
        refused := '本辖区没有此上报 / no such report in this area';
    elsif review.report is null then
        refused := '此上报不在待复核之列 / this report is not waiting for review';
    else
        select x.* into rule from minqing.transition_of('review', m ->> 'action', 'command', review.state, null, m) x;
        t := rule.t;
        refused := rule.refused;
    end if;
    if refused is null and t.action = 'admit' and review.admitted_at is not null then
        refused := '已受理 / it was accepted for handling already';
    elsif refused is null and t.action = 'decide' then
        refused := case
            when chosen_domain is null then '须写明领域或类别 / a decision names a domain or a kind'
            when m ->> 'kind' is not null and not exists (select from minqing.kinds k where k.code = m ->> 'kind') then
                format('类别不在目录中 / kind %s is not in the catalogue', m ->> 'kind')
            when m ->> 'domain' is not null and m ->> 'domain' <> chosen_domain then
                format('类别不属于该领域 / kind %s does not belong to domain %s', m ->> 'kind', m ->> 'domain') end;
    end if;

    if refused is null then
        chosen_severity := coalesce((m ->> 'severity')::smallint, (select k.severity from minqing.kinds k where k.code = m ->> 'kind'), review.severity);
        update minqing.reviews r
        set state = coalesce(t.to_state, r.state), version = r.version + 1, note = coalesce(words, r.note),
            admitted_at = coalesce(r.admitted_at, at), admitted_by = coalesce(r.admitted_by, p_account),
            decided_at = case when t.to_state is not null then at end, decided_by = case when t.to_state is not null then p_account end,
            domain = case when t.action = 'decide' then chosen_domain end, kind = case when t.action = 'decide' then m ->> 'kind' end
        where r.report = wanted
        returning r.* into review;
        update minqing.announcements a
        set version = review.version, live = t.to_state is null, ended_at = case when t.to_state is not null then at end
        where a.ref = wanted and a.topic = 3;
        if t.to_state is not null then
            insert into minqing.examples (at, report, source, domain, kind, severity, account)
            values (at, wanted, 'review', review.domain, review.kind, case when t.action = 'decide' then chosen_severity end, p_account)
            on conflict on constraint examples_report_source_key do update
            set domain = excluded.domain, kind = excluded.kind, severity = excluded.severity, at = excluded.at, account = excluded.account;
        end if;
        insert into minqing.case_events (ref, report, at, what, actor, account, person, note, message, version, state, data)
        select wanted, wanted, at, t.event, 'command', p_account, a.person, words, action, review.version, review.state,
               jsonb_strip_nulls(jsonb_build_object('domain', review.domain, 'kind', review.kind))
        from minqing.accounts a where a.account = p_account
        returning id into done_event;
        if t.tells then
            insert into minqing.announcements as x (ref, topic, audience, scope, version)
            select wanted, 4, reported.account, '', review.version from minqing.accounts a where a.account = reported.account and a.role = 'device'
            on conflict on constraint announcements_pkey do update set version = excluded.version, waiting = false;
        end if;
    end if;
    if refused is null and t.action = 'decide' then
        select array_agg(w) into placed
        from minqing.classifications k
        cross join lateral minqing.placements(array[wanted], array[p_case], array[chosen_domain], array[m ->> 'kind'], array[chosen_severity],
                                            array[array_to_string(array_remove(k.also, chosen_domain), ',')], true) w
        where k.report = wanted;
        for opened in select o.event, o.ref, o.traceparent from minqing.place_reports(placed, p_account, action) o loop
            return query select null::jsonb, opened.event, opened.ref, opened.traceparent;
        end loop;
        select k.* into c from minqing.cases k join minqing.case_reports x on x."case" = k.id where x.report = wanted;
    end if;
    answer := minqing.keep_reply(action, p_account, p_sha256, jsonb_strip_nulls(jsonb_build_object('v', 1, 'action', action,
        'done', refused is null, 'reason', refused, 'state', review.state, 'case', c.id, 'number', c.number,
        'allowed', case when review.report is not null then to_jsonb(minqing.allowed_to('review', review.state, 'command', null)) end)));
    return query select answer, done_event, wanted, reported.traceparent;
end
$$;
