-- Payloads of what the notifier publishes, built from the present state.
set search_path = minqing, public;

-- The case as its desks see it; with p_redacted, as the command centre sees a restricted one.
create function case_message(c cases, p_redacted boolean) returns text language plpgsql stable as
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
                'severity', c.severity, 'restricted', c.restricted, 'disagrees', c.disagrees,
                'area', c.area, 'area_name', minqing.area_name(c.area),
                'location', case when c.location is not null then
                    json_build_object('lat', st_y(c.location::geometry), 'lon', st_x(c.location::geometry), 'datum', 'wgs84') end,
                'opened_at', minqing.wire_time(c.opened_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by),
                'lead', c.lead, 'lead_name', l.name_zh,
                'parts', (select json_agg(json_build_object('department', a.department, 'department_name', p.name_zh, 'role', a.role, 'state', a.state)
                                          order by a.role, a.department)
                          from minqing.assignments a join minqing.departments p on p.code = a.department where a."case" = c.id),
                'summary', left(minqing.shown_text(f), 80),
                'reports', json_build_object('count', c.report_count, 'latest',
                    (select json_agg(json_build_object('id', (x.report).id, 'observed_at', minqing.wire_time((x.report).observed_at),
                                                       'text', case when c.restricted then (x.report).text else minqing.shown_text(x.report) end,
                                                       'attachments', (x.report).attachments) order by x.added_at desc)
                     from (select r as report, m.added_at from minqing.case_reports m join minqing.reports r on r.id = m.report
                           where m."case" = c.id order by m.added_at desc limit 100) x)),
                'has_subject', exists (select from minqing.case_reports m join minqing.reports r on r.id = m.report
                                       where m."case" = c.id and r.subject is not null),
                'events', (select json_agg(json_strip_nulls(json_build_object('at', minqing.wire_time(e.at), 'what', e.what, 'by', e.account, 'note', e.note))
                                           order by e.id)
                           from (select * from minqing.case_events v where v.ref = c.id order by v.id desc limit 20) e))
        end::text
        from minqing.reports f
        join minqing.domains d on d.code = c.domain
        join minqing.departments l on l.code = c.lead
        left join minqing.kinds k on k.code = c.kind
        where f.id = c.first_report
    );
end
$$;

create function review_message(v reviews) returns text language plpgsql stable as
$$
begin
    return (
        select json_build_object('v', 1, 'report', v.report, 'version', v.version, 'state', v.state, 'text', minqing.shown_text(r),
            'area', r.area, 'area_name', minqing.area_name(r.area),
            'observed_at', minqing.wire_time(r.observed_at), 'received_at', minqing.wire_time(r.received_at),
            'domain', coalesce(v.domain, c.model_domain), 'kind', coalesce(v.kind, c.model_kind), 'probability', round(c.probability::numeric, 3),
            'also', c.also, 'severity', v.severity, 'because', c.because, 'origin', r.origin)::text
        from minqing.reports r
        join minqing.classifications c on c.report = r.id
        where r.id = v.report
    );
end
$$;

-- Progress as a device is told: the state of the case that its reports opened or joined, or that the command centre refused it.
create function status_message(p_ref uuid, p_device text, p_version integer) returns text language plpgsql stable as
$$
begin
    return (
        select case
            when c.id is not null then
                json_build_object('v', 1, 'report', m.latest, 'reports', m.reports, 'case', c.id, 'version', p_version, 'number', c.number,
                    'state', c.state, 'domain', c.domain, 'kind', c.kind, 'lead', c.lead, 'lead_name', l.name_zh,
                    'text', '已立案 ' || c.number || '，' || l.name_zh || '主办 / Opened as ' || c.number || ', led by ' || l.name_en)
            else
                json_build_object('v', 1, 'report', p_ref, 'version', p_version, 'state', 'refused',
                    'text', '不予立案：' || coalesce(v.note, '') || ' / Not opened: ' || coalesce(v.note, ''))
            end::text
        from (select p_ref as ref) i
        left join minqing.cases c on c.id = i.ref
        left join minqing.departments l on l.code = c.lead
        left join minqing.reviews v on v.report = i.ref
        left join lateral (
            select json_agg(r.id order by k.added_at) as reports, (array_agg(r.id order by k.added_at desc))[1] as latest
            from minqing.case_reports k join minqing.reports r on r.id = k.report
            where k."case" = c.id and r.account = p_device
        ) m on true
    );
end
$$;

-- One line of the operators' stream. Restricted cases show that they exist, and nothing else.
create function stream_message(e case_events) returns text language plpgsql stable as
$$
begin
    return (
        select json_strip_nulls(case
            when c.restricted then
                json_build_object('v', 1, 'event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what, 'domain', null, 'severity', c.severity,
                    'area', c.town, 'area_name', minqing.area_name(c.town), 'case', c.id, 'number', c.number, 'state', e.state,
                    'text', '（受限事件 restricted）')
            else
                json_build_object('v', 1, 'event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what,
                    'domain', coalesce(c.domain, v.domain), 'domain_name', d.name_zh, 'kind', c.kind, 'kind_name', k.name_zh,
                    'severity', coalesce(c.severity, v.severity), 'area', r.area, 'area_name', minqing.area_name(r.area),
                    'case', c.id, 'number', c.number, 'report', r.id, 'state', e.state, 'lead', c.lead, 'lead_name', l.name_zh,
                    'text', minqing.shown_text(r))
            end)::text
        from (select e.report) i
        left join minqing.cases c on c.id = e."case"
        left join minqing.reports r on r.id = coalesce(e.report, c.first_report)
        left join minqing.reviews v on v.report = e.report
        left join minqing.domains d on d.code = coalesce(c.domain, v.domain)
        left join minqing.kinds k on k.code = c.kind
        left join minqing.departments l on l.code = c.lead
    );
end
$$;
