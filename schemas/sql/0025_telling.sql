-- Payloads of a batch without steps that grow with its square, and messages of cases that stay bounded: takes the place of case_messages
-- and stream_messages of 0021.
set search_path = minqing, public;

-- Cases as their desks see them; redacted, as the command centre sees restricted ones. In: parallel arrays. Out: n, the place in them; the
-- payload; and the trace of what last came to the case. Those that cannot be read are left out. Of the reports' texts only the latest
-- 256 KiB are in it, as JSON writes them (a control character takes six bytes): what a broker refuses is announced to nobody.
create or replace function case_messages(p_cases uuid[], p_redacted boolean[]) returns table (n bigint, payload text, traceparent text)
language plpgsql stable as
$$
begin
    return query
    select i.n,
        case when i.redacted then
            json_build_object('v', 1, 'case', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version,
                'state', c.state, 'severity', c.severity, 'restricted', c.restricted, 'area', c.town,
                'opened_at', minqing.wire_time(c.opened_at), 'sign_by', minqing.wire_time(c.sign_by), 'handle_by', minqing.wire_time(c.handle_by))
        else
            json_build_object('v', 1, 'case', c.id, 'number', c.number, 'version', c.version, 'state_version', c.state_version,
                'state', c.state, 'domain', c.domain, 'domain_name', d.name_zh, 'kind', c.kind, 'kind_name', k.name_zh, 'also', c.also,
                'severity', c.severity, 'restricted', c.restricted, 'exercise', c.exercise, 'disagrees', c.disagrees, 'level', c.level,
                'area', c.area, 'area_name', nullif(concat(a9.name, a12.name, a15.name), ''),
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
    -- as area_name: town, village, grid
    left join minqing.areas a9 on a9.code = left(c.area, 9) and length(a9.code) = 9
    left join minqing.areas a12 on a12.code = left(c.area, 12) and length(a12.code) = 12
    left join minqing.areas a15 on a15.code = c.area and length(a15.code) = 15
    cross join lateral (
        select json_agg(json_build_object('id', x.id, 'observed_at', minqing.wire_time(x.observed_at), 'text', x.said, 'attachments', x.attachments)
                        order by x.added_at desc, x.id desc) filter (where x.so_far <= 262144 or x.so_far = x.size) as latest,
               (array_agg(x.traceparent order by x.added_at desc))[1] as last_trace
        from (select y.*, sum(y.size) over (order by y.added_at desc, y.id desc) as so_far
              from (select r.id, r.observed_at, s.said, r.attachments, r.traceparent, m.added_at, octet_length(to_json(s.said)::text) as size
                    from minqing.case_reports m
                    join minqing.reports r on r.id = m.report
                    cross join lateral (select case when c.restricted then r.text else minqing.shown_text(r) end as said offset 0) s
                    where m."case" = c.id
                    order by m.added_at desc, m.report desc
                    limit 100) y) x
    ) r;
end
$$;

-- Lines of the operators' stream. Restricted cases show that they exist, and nothing else. In: events. Out: what the line's topic is made
-- of, the payload, and whose report or visit the event brought.
create or replace function stream_messages(p_events bigint[])
returns table (event bigint, ref uuid, scope text, version integer, domain text, severity smallint, payload text, traceparent text, heard text)
language plpgsql stable as
$$
begin
    return query
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
                    'severity', coalesce(c.severity, v.severity), 'area', r.area, 'area_name', nullif(concat(a9.name, a12.name, a15.name), ''),
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
    -- a key that is null is not looked for
    left join minqing.reviews v on v.report = case when e."case" is null then e.report end
    left join minqing.visits s on s.id = case when e.what = 'service' then e.ref end
    left join minqing.domains d on d.code = coalesce(c.domain, v.domain)
    left join minqing.kinds k on k.code = c.kind
    left join minqing.departments l on l.code = c.lead
    -- as area_name: town, village, grid
    left join minqing.areas a9 on a9.code = left(r.area, 9) and length(a9.code) = 9
    left join minqing.areas a12 on a12.code = left(r.area, 12) and length(a12.code) = 12
    left join minqing.areas a15 on a15.code = r.area and length(a15.code) = 15;
end
$$;
