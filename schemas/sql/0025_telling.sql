-- Payloads of a batch without steps that grow with its square, and messages of cases that stay bounded: takes the place of case_messages
-- and stream_messages of 0021, and of review_message of 0011. JSON is put together as text: half the work of json_build_object, and shorter.
-- What is between quotation marks as it is consists of codes, ids and times alone; whatever people wrote goes through quoted().
set search_path = minqing, public;

-- Parts of JSON --------------------------------------------------------------------------------------------------------

-- A text as JSON has it, null where there is none. These are not immutable, or PostgreSQL would call instead of inlining them.
create function quoted(p text) returns text language sql stable as $$ select coalesce(to_json(p)::text, 'null') $$;

create function yes_no(p boolean) returns text language sql immutable as $$ select case when p then 'true' else 'false' end $$;

create function quoted_time(at timestamptz) returns text language sql stable as
$$ select coalesce('"' || to_char(at at time zone 'Asia/Shanghai', 'YYYY-MM-DD"T"HH24:MI:SS.MS') || '+08:00"', 'null') $$;

create function part_text(a assignments, p_name text) returns text language sql stable as
$$
    select concat('{"department":"', a.department, '","department_name":', minqing.quoted(p_name), ',"role":"', a.role, '","state":"', a.state,
                  '","joint":', minqing.yes_no(a.joint), '}')
$$;

-- p_said: what of the report's text may be read, in quotation marks.
create function report_text(p_id uuid, p_observed_at timestamptz, p_said text, p_attachments text[]) returns text language sql stable as
$$
    select concat('{"id":"', p_id, '","observed_at":', minqing.quoted_time(p_observed_at), ',"text":', p_said, ',"attachments":', to_json(p_attachments), '}')
$$;

-- A case as its desks see it: with the names of domain, kind, lead and area, and lists (elements behind each other, with commas) of its
-- parts, latest reports and events. f: its first report.
create function case_text(c cases, f reports, p_domain text, p_kind text, p_lead text, p_area text, p_parts text, p_merged_into text,
                          p_mobilisation text, p_latest text, p_events text) returns text language sql stable as
$$
    select concat('{"v":1,"case":"', c.id, '","number":', to_json(c.number), ',"version":', c.version, ',"state_version":', c.state_version,
        ',"state":"', c.state, '","domain":"', c.domain, '","domain_name":', minqing.quoted(p_domain), ',"kind":', minqing.quoted(c.kind),
        ',"kind_name":', minqing.quoted(p_kind), ',"also":', to_json(c.also), ',"severity":', c.severity, ',"restricted":', minqing.yes_no(c.restricted),
        ',"exercise":', minqing.yes_no(c.exercise), ',"disagrees":', minqing.yes_no(c.disagrees), ',"level":"', c.level, '","area":"', c.area,
        '","area_name":', minqing.quoted(p_area),
        ',"location":', case when c.location is null then 'null'
                        else concat('{"lat":', st_y(c.location::geometry), ',"lon":', st_x(c.location::geometry), ',"datum":"wgs84"}') end,
        ',"opened_at":', minqing.quoted_time(c.opened_at), ',"sign_by":', minqing.quoted_time(c.sign_by),
        ',"handle_by":', minqing.quoted_time(c.handle_by), ',"outcome_by":', minqing.quoted_time(c.outcome_by),
        ',"suspended_until":', minqing.quoted_time(c.suspended_until), ',"lead":"', c.lead, '","lead_name":', minqing.quoted(p_lead),
        ',"parts":', coalesce('[' || p_parts || ']', 'null'), ',"request":', coalesce(c.request::text, 'null'),
        ',"result":', minqing.quoted(c.result), ',"rating":', coalesce(c.rating::text, 'null'), ',"merged_into":', minqing.quoted(p_merged_into),
        ',"mobilisation":', coalesce(p_mobilisation, 'null'), ',"summary":', minqing.quoted(left(coalesce(f.masked, f.text), 80)),
        ',"reports":{"count":', c.report_count, ',"latest":[', p_latest, ']},"has_subject":', minqing.yes_no(c.has_subject),
        ',"events":', coalesce('[' || p_events || ']', 'null'), '}')
$$;

-- A restricted case as the command centre sees it.
create function redacted_text(c cases) returns text language sql stable as
$$
    select concat('{"v":1,"case":"', c.id, '","number":', to_json(c.number), ',"version":', c.version, ',"state_version":', c.state_version,
        ',"state":"', c.state, '","severity":', c.severity, ',"restricted":', minqing.yes_no(c.restricted), ',"area":"', c.town,
        '","opened_at":', minqing.quoted_time(c.opened_at), ',"sign_by":', minqing.quoted_time(c.sign_by), ',"handle_by":', minqing.quoted_time(c.handle_by), '}')
$$;

-- How far a case is, for a device. p_reports: its own that the case has, a JSON array; p_latest: the last of them.
create function status_text(c cases, p_latest uuid, p_reports text, p_version integer, p_lead text, p_words text) returns text language sql stable as
$$
    select concat('{"v":1,"report":"', p_latest, '","reports":', p_reports, ',"case":"', c.id, '","version":', p_version, ',"number":', to_json(c.number),
        ',"state":"', c.state, '","domain":"', c.domain, '","kind":', minqing.quoted(c.kind), ',"lead":"', c.lead, '","lead_name":',
        minqing.quoted(p_lead), ',"exercise":', minqing.yes_no(c.exercise), ',"text":', minqing.quoted(p_words), '}')
$$;

create function opened_words(p_number text, p_lead_zh text, p_lead_en text) returns text language sql immutable as
$$ select '已立案 ' || p_number || '，' || p_lead_zh || '主办 / Opened as ' || p_number || ', led by ' || p_lead_en $$;

-- A line of the operators' stream. What has nothing to say is left out.
create function line_text(e case_events, c cases, r reports, p_domain text, p_severity smallint, p_domain_name text, p_kind text, p_lead text, p_area text,
                          p_words text) returns text language sql stable as
$$
    select concat('{"v":1,"event":', e.id, ',"at":', minqing.quoted_time(e.at), ',"what":"', e.what, '"', ',"domain":"' || p_domain || '"',
        ',"domain_name":' || to_json(p_domain_name)::text, ',"kind":' || to_json(c.kind)::text, ',"kind_name":' || to_json(p_kind)::text,
        ',"severity":' || p_severity, ',"area":"' || r.area || '"', ',"area_name":' || to_json(p_area)::text, ',"case":"' || c.id || '"',
        ',"number":' || to_json(c.number)::text, ',"report":"' || r.id || '"', ',"state":"' || e.state || '"', ',"lead":"' || c.lead || '"',
        ',"lead_name":' || to_json(p_lead)::text, ',"by":' || to_json(e.account)::text, ',"words":' || to_json(p_words)::text,
        case when c.exercise then ',"exercise":true' end, ',"text":' || to_json(coalesce(r.masked, r.text))::text, '}')
$$;

-- The line of a restricted case shows that it exists, and nothing else.
create function redacted_line(e case_events, c cases, p_area text) returns text language sql stable as
$$
    select concat('{"v":1,"event":', e.id, ',"at":', minqing.quoted_time(e.at), ',"what":"', e.what, '","severity":', c.severity, ',"area":"', c.town, '"',
        ',"area_name":' || to_json(p_area)::text, ',"case":"', c.id, '","number":', to_json(c.number), ',"state":"' || e.state || '"',
        ',"text":"（受限事件 restricted）"}')
$$;

-- Messages ---------------------------------------------------------------------------------------------------------------

-- Cases as their desks see them; redacted, as the command centre sees restricted ones. In: parallel arrays. Out: n, the place in them; the
-- payload; and the trace of what last came to the case. Those that cannot be read are left out. Of the reports' texts only the latest
-- 256 KiB are in it, as JSON writes them (a control character takes six bytes): what a broker refuses is announced to nobody.
create or replace function case_messages(p_cases uuid[], p_redacted boolean[]) returns table (n bigint, payload text, traceparent text)
language plpgsql stable as
$$
begin
    return query
    select i.n,
        case when i.redacted then minqing.redacted_text(c)
        else minqing.case_text(c, f, d.name_zh, k.name_zh, l.name_zh, nullif(concat(a9.name, a12.name, a15.name), ''),
            (select string_agg(minqing.part_text(a, p.name_zh), ',' order by a.ended_at is not null, a.role, a.department)
             from minqing.assignments a join minqing.departments p on p.code = a.department where a."case" = c.id),
            (select o.number from minqing.cases o where o.id = c.merged_into),
            case when exists (select from minqing.mobilisations x where x."case" = c.id) then minqing.mobilisation_counts(c.id)::text end,
            r.latest,
            (select string_agg(concat('{"at":', minqing.quoted_time(e.at), ',"what":"', e.what, '"', ',"by":' || to_json(e.account)::text,
                                      ',"department":"' || e.department || '"', ',"note":' || to_json(e.note)::text,
                                      ',"words":' || to_json(case when minqing.is_plain(e.what) then null else minqing.event_words(e) end)::text, '}'), ','
                               order by e.version)
             from (select v.* from minqing.case_events v where v.ref = c.id and v.what <> 'joined' order by v.version desc limit 20) e))
        end,
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
        select string_agg(minqing.report_text(x.id, x.observed_at, x.said, x.attachments), ',' order by x.added_at desc, x.id desc)
                   filter (where x.so_far <= 262144 or x.so_far = x.size) as latest,
               (array_agg(x.traceparent order by x.added_at desc))[1] as last_trace
        from (select y.*, sum(y.size) over (order by y.added_at desc, y.id desc) as so_far
              from (select r.id, r.observed_at, s.said, r.attachments, r.traceparent, m.added_at, octet_length(s.said) as size
                    from minqing.case_reports m
                    join minqing.reports r on r.id = m.report
                    cross join lateral (select minqing.quoted(case when c.restricted then r.text else minqing.shown_text(r) end) as said offset 0) s
                    where m."case" = c.id
                    order by m.added_at desc, m.report desc
                    limit 100) y) x
    ) r;
end
$$;

-- Progress as devices are told: how far a case is that their reports opened or joined, or what became of a report without one.
-- In: parallel arrays of what it is about, whom it is for, the announcement's version. Out: n, the place in them, payload, trace.
create or replace function status_messages(p_refs uuid[], p_devices text[], p_versions integer[]) returns table (n bigint, payload text, traceparent text)
language plpgsql stable as
$$
begin
    return query
    select i.n,
        case
            when c.id is not null and m.latest is not null then
                minqing.status_text(c, m.latest, m.reports, i.version, l.name_zh, case c.state
                        when 'assigned' then
                            case when c.report_count > 1 and not c.first_report = any(m.ids) then '已并入 ' || c.number || '，' || l.name_zh || '主办 / Joined ' || c.number || ', led by ' || l.name_en
                                 else minqing.opened_words(c.number, l.name_zh, l.name_en) end
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
                json_build_object('v', 1, 'report', i.ref, 'version', i.version, 'state', 'admitted', 'text', '已受理，待判定 / Accepted for handling')::text
            when v.report is not null and v.domain is null then
                json_build_object('v', 1, 'report', i.ref, 'version', i.version, 'state', 'refused',
                    'text', '不予立案：' || coalesce(v.note, '') || ' / Not opened: ' || coalesce(v.note, ''))::text
            when v.report is not null then
                json_build_object('v', 1, 'report', i.ref, 'version', i.version, 'state', 'decided', 'text', '已判定 / Decided')::text
        end,
        r.traceparent
    from unnest(p_refs, p_devices, p_versions) with ordinality as i (ref, device, version, n)
    left join minqing.cases c on c.id = i.ref
    left join minqing.departments l on l.code = c.lead
    left join minqing.reviews v on v.report = i.ref and c.id is null
    left join minqing.reports r on r.id = coalesce(c.first_report, i.ref)
    left join lateral (
        -- its latest: nobody reads hundreds
        select json_agg(k.report order by k.added_at, k.report)::text as reports, array_agg(k.report) as ids,
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

-- Lines of the operators' stream. In: events. Out: what the line's topic is made of, the payload, and its trace.
drop function stream_messages(bigint[]);
create function stream_messages(p_events bigint[])
returns table (event bigint, ref uuid, scope text, version integer, domain text, severity smallint, payload text, traceparent text)
language plpgsql stable as
$$
begin
    return query
    select e.id, e.ref, coalesce(c.town, v.town, e.data ->> 'town'), e.version, case when c.restricted then 'none' else coalesce(c.domain, v.domain, 'none') end,
        coalesce(c.severity, v.severity, 1::smallint),
        case
            when c.restricted then minqing.redacted_line(e, c, minqing.area_name(c.town))
            when s.id is not null then
                json_strip_nulls(json_build_object('v', 1, 'event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what, 'severity', 1, 'area', s.area,
                    'area_name', minqing.area_name(s.area), 'by', e.account, 'text', coalesce(s.masked_service, s.service)))::text
            else minqing.line_text(e, c, r, coalesce(c.domain, v.domain), coalesce(c.severity, v.severity), d.name_zh, k.name_zh, l.name_zh,
                                   nullif(concat(a9.name, a12.name, a15.name), ''),
                                   case when minqing.is_plain(e.what) then null else minqing.event_words(e) end)
        end,
        case when e.report is not null then r.traceparent end
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

-- What the command centre is asked about reports. In: reports. Out: the report, the payload, and its trace.
create function review_messages(p_reports uuid[]) returns table (report uuid, payload text, traceparent text) language plpgsql stable as
$$
begin
    return query
    select v.report,
        concat('{"v":1,"report":"', v.report, '","version":', v.version, ',"state":"', v.state, '","text":', minqing.quoted(minqing.shown_text(r)),
            ',"area":"', r.area, '","area_name":', minqing.quoted(nullif(concat(a9.name, a12.name, a15.name), '')),
            ',"observed_at":', minqing.quoted_time(r.observed_at), ',"received_at":', minqing.quoted_time(r.received_at),
            ',"domain":', minqing.quoted(coalesce(v.domain, c.model_domain)), ',"kind":', minqing.quoted(coalesce(v.kind, c.model_kind)),
            ',"probability":', coalesce(round(c.probability::numeric, 3)::text, 'null'), ',"also":', coalesce(to_json(c.also)::text, 'null'),
            ',"severity":', v.severity, ',"because":', coalesce(c.because::text, 'null'), ',"origin":', minqing.quoted(r.origin),
            ',"admitted_at":', minqing.quoted_time(v.admitted_at), ',"admitted_by":', minqing.quoted(v.admitted_by), '}'),
        r.traceparent
    from unnest(p_reports) i (id)
    join minqing.reviews v on v.report = i.id
    join minqing.reports r on r.id = v.report
    join minqing.classifications c on c.report = r.id
    left join minqing.areas a9 on a9.code = left(r.area, 9) and length(a9.code) = 9
    left join minqing.areas a12 on a12.code = left(r.area, 12) and length(a12.code) = 12
    left join minqing.areas a15 on a15.code = r.area and length(a15.code) = 15;
end
$$;

create or replace function review_message(v reviews) returns text language plpgsql stable as
$$ begin return (select m.payload from minqing.review_messages(array[v.report]) m); end $$;
