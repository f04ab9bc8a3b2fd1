-- Payloads of what the notifier publishes, many by one query: starting a query costs more than one more row of it. Take the place of those
-- in 0011 and 0002; the functions of one case, event or device are the same for one.
set search_path = minqing, public;

create or replace function area_name(p_code text) returns text language plpgsql stable as
$$
begin
    return (select string_agg(a.name, '' order by length(a.code))
            from minqing.areas a
            where a.code = any(array[left(p_code, 9), left(p_code, 12), p_code]) and length(a.code) >= 9);
end
$$;

-- Events of which event_words has nothing to tell: nearly all.
create function is_plain(p_what text) returns boolean language sql immutable as
$$ select p_what in ('opened', 'joined', 'review') $$;

-- What happened, as a line tells it.
create or replace function event_words(e case_events) returns text language plpgsql stable as
$$
declare
    d jsonb := e.data;
    department text := coalesce(d ->> 'department', e.department);
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
        else case when department is not null then (select p.name_zh from minqing.departments p where p.code = department) end
    end;
end
$$;

-- Cases as their desks see them; redacted, as the command centre sees restricted ones. In: parallel arrays. Out: n, the place in them; the
-- payload; and the trace of what last came to the case. Those that cannot be read are left out.
create function case_messages(p_cases uuid[], p_redacted boolean[]) returns table (n bigint, payload text, traceparent text)
language plpgsql stable as
$$
begin
    return query
    with named as materialized (
        select k.area, minqing.area_name(k.area) as name from (select distinct c.area from minqing.cases c where c.id = any(p_cases)) k
    )
    select i.n,
        case when i.redacted then
            json_build_object('v', 1, 'case', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version,
                'state', c.state, 'severity', c.severity, 'restricted', c.restricted, 'area', c.town,
                'opened_at', minqing.wire_time(c.opened_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by))
        else
            json_build_object('v', 1, 'case', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version,
                'state', c.state, 'domain', c.domain, 'domain_name', d.name_zh, 'kind', c.kind, 'kind_name', k.name_zh, 'also', c.also,
                'severity', c.severity, 'restricted', c.restricted, 'exercise', c.exercise, 'disagrees', c.disagrees, 'level', c.level,
                'area', c.area, 'area_name', (select m.name from named m where m.area = c.area),
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
                'mobilisation', case when exists (select from minqing.mobilisations x where x."case" = c.id) then minqing.mobilisation_counts(c.id) end,
                'summary', left(minqing.shown_text(f), 80),
                'reports', json_build_object('count', c.report_count, 'latest', coalesce(r.latest, '[]')),
                'has_subject', c.has_subject,
                'events', (select json_agg(json_strip_nulls(json_build_object('at', minqing.wire_time(e.at), 'what', e.what, 'by', e.account,
                                                                             'department', e.department, 'note', e.note,
                                                                             'words', case when minqing.is_plain(e.what) then null else minqing.event_words(e) end))
                                           order by e.version)
                           from (select v.* from minqing.case_events v where v.ref = c.id and v.what <> 'joined' order by v.version desc limit 20) e))
        end::text,
        r.last_trace
    from unnest(p_cases, p_redacted) with ordinality as i (id, redacted, n)
    join minqing.cases c on c.id = i.id
    join minqing.reports f on f.id = c.first_report
    left join minqing.domains d on d.code = c.domain
    left join minqing.departments l on l.code = c.lead
    left join minqing.kinds k on k.code = c.kind
    cross join lateral (
        select json_agg(json_build_object('id', x.id, 'observed_at', minqing.wire_time(x.observed_at), 'text', x.said, 'attachments', x.attachments)
                        order by x.added_at desc, x.id desc) as latest,
               (array_agg(x.traceparent order by x.added_at desc))[1] as last_trace
        from (select r.id, r.observed_at, case when c.restricted then r.text else minqing.shown_text(r) end as said, r.attachments, r.traceparent, m.added_at
              from minqing.case_reports m join minqing.reports r on r.id = m.report
              where m."case" = c.id
              order by m.added_at desc, m.report desc
              limit 100) x
    ) r;
end
$$;

create or replace function case_message(c cases, p_redacted boolean) returns text language plpgsql stable as
$$ begin return (select m.payload from minqing.case_messages(array[c.id], array[p_redacted]) m); end $$;

-- Progress as devices are told: how far a case is that their reports opened or joined, or what became of a report without one.
-- In: parallel arrays of what it is about, whom it is for, the announcement's version. Out: n, the place in them, payload, trace.
create function status_messages(p_refs uuid[], p_devices text[], p_versions integer[]) returns table (n bigint, payload text, traceparent text)
language plpgsql stable as
$$
begin
    return query
    select i.n,
        case
            when c.id is not null and m.latest is not null then
                json_build_object('v', 1, 'report', m.latest, 'reports', m.reports, 'case', c.id, 'version', i.version, 'number', c.number,
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
                json_build_object('v', 1, 'report', i.ref, 'version', i.version, 'state', 'admitted', 'text', '已受理，待判定 / Accepted for handling')
            when v.report is not null and v.domain is null then
                json_build_object('v', 1, 'report', i.ref, 'version', i.version, 'state', 'refused',
                    'text', '不予立案：' || coalesce(v.note, '') || ' / Not opened: ' || coalesce(v.note, ''))
            when v.report is not null then
                json_build_object('v', 1, 'report', i.ref, 'version', i.version, 'state', 'decided', 'text', '已判定 / Decided')
        end::text,
        r.traceparent
    from unnest(p_refs, p_devices, p_versions) with ordinality as i (ref, device, version, n)
    left join minqing.cases c on c.id = i.ref
    left join minqing.departments l on l.code = c.lead
    left join minqing.reviews v on v.report = i.ref and c.id is null
    left join minqing.reports r on r.id = coalesce(c.first_report, i.ref)
    left join lateral (
        -- its latest: nobody reads hundreds
        select json_agg(k.report order by k.added_at, k.report) as reports, array_agg(k.report) as ids,
               (array_agg(k.report order by k.added_at desc, k.report desc))[1] as latest
        from (select x.report, x.added_at from minqing.case_reports x
              where x."case" = c.id and x.account = i.device
              order by x.added_at desc
              limit 20) k
        having count(*) > 0
    ) m on true
    left join lateral (
        -- the words with which it came to its present state: for a suspension those that asked for it
        select coalesce(e.data -> 'request' ->> 'reason', e.note) as note
        from minqing.case_events e
        where c.state in ('suspended', 'refused') and e.ref = c.id and e.data -> 'set' ? 'state'
        order by e.version desc
        limit 1
    ) w on true;
end
$$;

create or replace function status_message(p_ref uuid, p_device text, p_version integer) returns text language plpgsql stable as
$$ begin return (select m.payload from minqing.status_messages(array[p_ref], array[p_device], array[p_version]) m); end $$;

-- Lines of the operators' stream. Restricted cases show that they exist, and nothing else. In: events. Out: what the line's topic is made
-- of, the payload, and whose report or visit the event brought.
create function stream_messages(p_events bigint[])
returns table (event bigint, ref uuid, scope text, version integer, domain text, severity smallint, payload text, traceparent text, heard text)
language plpgsql stable as
$$
begin
    return query
    with named as materialized (
        select k.area, minqing.area_name(k.area) as name
        from (select distinct r.area from minqing.case_events e join minqing.reports r on r.id = e.report where e.id = any(p_events)) k
    )
    select e.id, e.ref, coalesce(c.town, v.town, e.data ->> 'town'), e.version, case when c.restricted then 'none' else coalesce(c.domain, v.domain, 'none') end,
        coalesce(c.severity, v.severity, 1::smallint),
        json_strip_nulls(case
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
                    'severity', coalesce(c.severity, v.severity), 'area', r.area, 'area_name', coalesce((select m.name from named m where m.area = r.area), minqing.area_name(r.area)),
                    'case', c.id, 'number', c.number, 'report', r.id, 'state', e.state, 'lead', c.lead, 'lead_name', l.name_zh,
                    'by', e.account, 'words', case when minqing.is_plain(e.what) then null else minqing.event_words(e) end, 'exercise', nullif(c.exercise, false),
                    'text', minqing.shown_text(r))
            end)::text,
        case when e.report is not null then r.traceparent end,
        case when e.actor = 'officer' then e.account when e.report is not null then r.account end
    from unnest(p_events) i (id)
    join minqing.case_events e on e.id = i.id
    left join minqing.cases c on c.id = e."case"
    left join minqing.reports r on r.id = coalesce(e.report, c.first_report)
    left join minqing.reviews v on v.report = e.report and e."case" is null
    left join minqing.visits s on s.id = e.ref and e.what = 'service'
    left join minqing.domains d on d.code = coalesce(c.domain, v.domain)
    left join minqing.kinds k on k.code = c.kind
    left join minqing.departments l on l.code = c.lead;
end
$$;

create or replace function stream_message(e case_events) returns text language plpgsql stable as
$$ begin return (select m.payload from minqing.stream_messages(array[e.id]) m); end $$;
