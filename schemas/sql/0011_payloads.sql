-- Payloads of what the notifier publishes, built from the present state; take the place of those in 0004. And what the dispatcher and
-- the notifier may touch by now.
set search_path = minqing, public;

-- What happened, as a line tells it.
create function event_words(e case_events) returns text language plpgsql stable as
$$
declare
    d jsonb := e.data;
    department text := (select p.name_zh from minqing.departments p where p.code = coalesce(d ->> 'department', e.department));
begin
    return case e.what
        when 'mobilised' then format('动员%s %s 人', d ->> 'unit_name', d ->> 'called')
        when 'acknowledged' then case when d ? 'called' then format('%s/%s 已收到，%s 已到场', d ->> 'acknowledged', d ->> 'called', d ->> 'arrived') end
        when 'arrived' then case when d ? 'called' then format('%s/%s 已收到，%s 已到场', d ->> 'acknowledged', d ->> 'called', d ->> 'arrived') end
        when 'called_again' then format('%s 人未应答，%s', d ->> 'silent', case when d ? 'listed' then '已列名单报中队长' else '再次呼叫' end)
        when 'called_out' then format('%s 分钟未签收', d ->> 'unsigned_minutes')
        when 'escalated' then '升级至' || case d -> 'set' ->> 'level' when 'town' then '镇' when 'county' then '县' when 'city' then '市' else '' end
        when 'supervised' then case when e.actor = 'clock' then '已到时限' end
        when 'reminded' then '时限将至'
        when 'merged' then '合并 ' || coalesce(d ->> 'number', '')
        else department
    end;
end
$$;

-- The case as its desks see it; with p_redacted, as the command centre sees a restricted one.
create or replace function case_message(c cases, p_redacted boolean) returns text language plpgsql stable as
$$
begin
    return (
        select case when p_redacted then
            json_build_object('v', 1, 'case', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version,
                'state', c.state, 'severity', c.severity, 'restricted', c.restricted, 'area', c.town,
                'opened_at', minqing.wire_time(c.opened_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by))
        else
            json_build_object('v', 1, 'case', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version,
                'state', c.state, 'domain', c.domain, 'domain_name', d.name_zh, 'kind', c.kind, 'kind_name', k.name_zh, 'also', c.also,
                'severity', c.severity, 'restricted', c.restricted, 'exercise', c.exercise, 'disagrees', c.disagrees, 'level', c.level,
                'area', c.area, 'area_name', minqing.area_name(c.area),
                'location', case when c.location is not null then
                    json_build_object('lat', st_y(c.location::geometry), 'lon', st_x(c.location::geometry), 'datum', 'wgs84') end,
                'opened_at', minqing.wire_time(c.opened_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by),
                'outcome_by', minqing.wire_time(c.outcome_by), 'suspended_until', minqing.wire_time(c.suspended_until),
                'lead', c.lead, 'lead_name', l.name_zh,
                'parts', (select json_agg(json_build_object('department', a.department, 'department_name', p.name_zh, 'role', a.role, 'state', a.state,
                                                            'joint', a.joint) order by a.ended_at is not null, a.role, a.department)
                          from minqing.assignments a join minqing.departments p on p.code = a.department where a."case" = c.id),
                'request', c.request, 'result', c.result, 'rating', c.rating,
                'merged_into', (select o.number from minqing.cases o where o.id = c.merged_into),
                'mobilisation', minqing.mobilisation_counts(c.id),
                'summary', left(minqing.shown_text(f), 80),
                'reports', json_build_object('count', c.report_count, 'latest',
                    (select coalesce(json_agg(json_build_object('id', (x.report).id, 'observed_at', minqing.wire_time((x.report).observed_at),
                                                       'text', case when c.restricted then (x.report).text else minqing.shown_text(x.report) end,
                                                       'attachments', (x.report).attachments) order by x.added_at desc, (x.report).id desc), '[]')
                     from (select r as report, m.added_at from minqing.case_reports m join minqing.reports r on r.id = m.report
                           where m."case" = c.id order by m.added_at desc, r.id desc limit 100) x)),
                'has_subject', c.has_subject,
                'events', (select json_agg(json_strip_nulls(json_build_object('at', minqing.wire_time(e.at), 'what', e.what, 'by', e.account,
                                                                             'department', e.department, 'note', e.note, 'words', minqing.event_words(e)))
                                           order by e.version)
                           from (select v.* from minqing.case_events v where v.ref = c.id and v.what <> 'joined' order by v.version desc limit 20) e))
        end::text
        from minqing.reports f
        join minqing.domains d on d.code = c.domain
        join minqing.departments l on l.code = c.lead
        left join minqing.kinds k on k.code = c.kind
        where f.id = c.first_report
    );
end
$$;

create or replace function review_message(v reviews) returns text language plpgsql stable as
$$
begin
    return (
        select json_build_object('v', 1, 'report', v.report, 'version', v.version, 'state', v.state, 'text', minqing.shown_text(r),
            'area', r.area, 'area_name', minqing.area_name(r.area),
            'observed_at', minqing.wire_time(r.observed_at), 'received_at', minqing.wire_time(r.received_at),
            'domain', coalesce(v.domain, c.model_domain), 'kind', coalesce(v.kind, c.model_kind), 'probability', round(c.probability::numeric, 3),
            'also', c.also, 'severity', v.severity, 'because', c.because, 'origin', r.origin,
            'admitted_at', minqing.wire_time(v.admitted_at), 'admitted_by', v.admitted_by)::text
        from minqing.reports r
        join minqing.classifications c on c.report = r.id
        where r.id = v.report
    );
end
$$;

-- Progress as a device is told: how far the case is that its reports opened or joined, or what became of its report without one.
create or replace function status_message(p_ref uuid, p_device text, p_version integer) returns text language plpgsql stable as
$$
begin
    return (
        select case
            when c.id is not null and m.latest is not null then
                json_build_object('v', 1, 'report', m.latest, 'reports', m.reports, 'case', c.id, 'version', p_version, 'number', c.number,
                    'state', c.state, 'domain', c.domain, 'kind', c.kind, 'lead', c.lead, 'lead_name', l.name_zh, 'exercise', c.exercise,
                    'text', case c.state
                        when 'assigned' then
                            case when c.report_count > 1 and not c.first_report = any(m.ids) then '已并入 ' || c.number || '，' || l.name_zh || '主办 / Joined ' || c.number || ', led by ' || l.name_en
                                 else '已立案 ' || c.number || '，' || l.name_zh || '主办 / Opened as ' || c.number || ', led by ' || l.name_en end
                        when 'signed' then c.number || ' ' || l.name_zh || '已签收 / signed for by ' || l.name_en
                        when 'in_progress' then c.number || ' ' || l.name_zh || '办理中，' || to_char(minqing.local_time_of(coalesce(c.outcome_by, c.handle_by)), 'MM-DD HH24:MI')
                                                || ' 前办结 / in progress'
                        when 'suspended' then c.number || ' 挂账：' || coalesce(w.note, '') || ' / suspended'
                        when 'resolved' then c.number || ' 已反馈：' || coalesce(c.result, '') || ' / resolved'
                        when 'verified' then c.number || ' 已核查 / verified'
                        when 'closed' then c.number || ' 已结案：' || coalesce(c.result, '') || ' / closed'
                        when 'refused' then c.number || ' 不予立案：' || coalesce(w.note, '') || ' / not opened'
                        else c.number || ' ' || c.state end)
            when v.report is not null and v.state = 'waiting' then
                json_build_object('v', 1, 'report', p_ref, 'version', p_version, 'state', 'admitted', 'text', '已受理，待判定 / Accepted for handling')
            when v.report is not null and v.domain is null then
                json_build_object('v', 1, 'report', p_ref, 'version', p_version, 'state', 'refused',
                    'text', '不予立案：' || coalesce(v.note, '') || ' / Not opened: ' || coalesce(v.note, ''))
            when v.report is not null then
                json_build_object('v', 1, 'report', p_ref, 'version', p_version, 'state', 'decided', 'text', '已判定 / Decided')
            end::text
        from (select p_ref as ref) i
        left join minqing.cases c on c.id = i.ref
        left join minqing.departments l on l.code = c.lead
        left join minqing.reviews v on v.report = i.ref
        left join lateral (
            -- its latest: nobody reads hundreds
            select json_agg(k.report order by k.added_at, k.report) as reports, array_agg(k.report) as ids,
                   (array_agg(k.report order by k.added_at desc, k.report desc))[1] as latest
            from (select x.report, x.added_at from minqing.case_reports x
                  where x."case" = c.id and x.account = p_device
                  order by x.added_at desc
                  limit 20) k
            having count(*) > 0
        ) m on true
        left join lateral (
            -- the words with which it came to its present state: for a suspension those that asked for it
            select coalesce(e.data -> 'request' ->> 'reason', e.note) as note
            from minqing.case_events e
            where e.ref = c.id and e.data -> 'set' ? 'state'
            order by e.version desc
            limit 1
        ) w on c.state in ('suspended', 'refused')
    );
end
$$;

-- What one device is asked to do, or why its answer was not taken.
create function task_message(p_task uuid) returns text language plpgsql stable as
$$
begin
    return (
        select json_build_object('v', 1, 'task', t.id, 'version', t.version, 'case', t."case", 'number', c.number, 'kind', t.kind, 'exercise', t.exercise,
            'text', t.text || case when t.note is not null and t.state in ('called', 'acknowledged', 'arrived') then '（' || t.note || '）' else '' end,
            'location', case when c.location is not null then
                json_build_object('lat', st_y(c.location::geometry), 'lon', st_x(c.location::geometry), 'datum', 'wgs84') end,
            'due_at', minqing.wire_time(t.due_at), 'state', t.state)::text
        from minqing.tasks t join minqing.cases c on c.id = t."case"
        where t.id = p_task
    );
end
$$;

-- One line of the operators' stream. Restricted cases show that they exist, and nothing else.
create or replace function stream_message(e case_events) returns text language plpgsql stable as
$$
begin
    return (
        select json_strip_nulls(case
            when c.restricted then
                json_build_object('v', 1, 'event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what, 'domain', null, 'severity', c.severity,
                    'area', c.town, 'area_name', minqing.area_name(c.town), 'case', c.id, 'number', c.number, 'state', e.state,
                    'text', '（受限事件 restricted）')
            when s.id is not null then
                json_build_object('v', 1, 'event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what, 'severity', 1, 'area', s.area,
                    'area_name', minqing.area_name(s.area), 'by', e.account, 'text', coalesce(s.masked_service, s.service))
            else
                json_build_object('v', 1, 'event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what,
                    'domain', coalesce(c.domain, v.domain), 'domain_name', d.name_zh, 'kind', c.kind, 'kind_name', k.name_zh,
                    'severity', coalesce(c.severity, v.severity), 'area', r.area, 'area_name', minqing.area_name(r.area),
                    'case', c.id, 'number', c.number, 'report', r.id, 'state', e.state, 'lead', c.lead, 'lead_name', l.name_zh,
                    'by', e.account, 'words', minqing.event_words(e), 'exercise', nullif(c.exercise, false),
                    'text', minqing.shown_text(r))
            end)::text
        from (select e.report) i
        left join minqing.cases c on c.id = e."case"
        left join minqing.reports r on r.id = coalesce(e.report, c.first_report)
        left join minqing.reviews v on v.report = e.report
        left join minqing.visits s on s.id = e.ref and e.what = 'service'
        left join minqing.domains d on d.code = coalesce(c.domain, v.domain)
        left join minqing.kinds k on k.code = c.kind
        left join minqing.departments l on l.code = c.lead
    );
end
$$;

-- Rights ------------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant execute on all functions in schema minqing to minqing_dispatcher;
grant select on minqing.transitions, minqing.join_rules, minqing.settings, minqing.units, minqing.answers, minqing.visits to minqing_dispatcher;
grant select on minqing.persons, minqing.village_desks to minqing_dispatcher;
grant select, insert, update on minqing.tasks, minqing.mobilisations to minqing_dispatcher;
grant select, insert, update, delete on minqing.timers to minqing_dispatcher;
grant select, insert on minqing.outcomes to minqing_dispatcher;
grant update, delete on minqing.case_reports to minqing_dispatcher;
grant delete on minqing.announcements to minqing_dispatcher;

grant update (tries, tried_at) on minqing.announcements to minqing_notifier;
grant select on minqing.tasks, minqing.mobilisations, minqing.visits, minqing.units, minqing.settings to minqing_notifier;
grant execute on function minqing.shown_text(minqing.reports), minqing.area_name(text), minqing.case_message(minqing.cases, boolean),
    minqing.review_message(minqing.reviews), minqing.status_message(uuid, text, integer), minqing.stream_message(minqing.case_events),
    minqing.task_message(uuid), minqing.event_words(minqing.case_events), minqing.mobilisation_counts(uuid),
    minqing.dispatched_element(bigint, uuid, text) to minqing_notifier;
grant execute on function minqing.now(), minqing.local_time_of(timestamptz), minqing.wire_time(timestamptz)
    to minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier, minqing_reader, minqing_test;
grant select on minqing.transitions, minqing.join_rules, minqing.settings, minqing.timers, minqing.mobilisations, minqing.tasks, minqing.answers,
    minqing.outcomes to minqing_reader, minqing_test;
grant select (id, account, person, received_at, observed_at, area, town, area_from, area_conflict, location, location_given, text, masked, service,
              masked_service, task, attachments, subject_key, payload_sha256, extra, traceparent, xid) on minqing.visits to minqing_reader;
grant select on minqing.visits to minqing_test;
