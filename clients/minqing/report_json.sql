-- All of it as one JSON object. Text is shown masked where it is. In: the report's id, the case's or null. Out: the object.
select json_strip_nulls(json_build_object(
    'report', (
        select row_to_json(x)
        from (
            select r.id, r.account, p.name as person, minqing.wire_time(r.observed_at) as observed_at,
                   minqing.wire_time(r.received_at) as received_at, coalesce(r.masked, r.text) as text, r.masked is not null as masked,
                   r.area, minqing.area_name(r.area) as area_name, r.area_from, r.area_conflict, r.location_given as location, r.domain, r.kind,
                   r.severity, r.origin, r.attachments, r.subject_key, r.traceparent
            from minqing.reports r
            left join minqing.persons p on p.id = r.person
            where r.id = $1::uuid
        ) x),
    'classification', (
        select row_to_json(x)
        from (
            select minqing.wire_time(c.at) as at, c.domain, c.kind, c.severity, c.review, c.disagrees, c.also, c.model_domain, c.model_kind,
                   c.probability, c.model_severity, c.because, c.model
            from minqing.classifications c
            where c.report = $1::uuid
        ) x),
    'review', (
        select row_to_json(x)
        from (
            select v.state, v.version, v.severity, minqing.wire_time(v.opened_at) as opened_at, minqing.wire_time(v.decided_at) as decided_at,
                   v.decided_by, v.domain, v.kind, v.note
            from minqing.reviews v
            where v.report = $1::uuid
        ) x),
    'case', (
        select row_to_json(x)
        from (
            select c.id, c.number, c.version, c.state_version, c.state, c.domain, c.kind, c.also, c.severity, c.restricted, c.area,
                   minqing.wire_time(c.opened_at) as opened_at, minqing.wire_time(c.sign_by) as sign_by,
                   minqing.wire_time(c.handle_by) as handle_by, c.lead, c.report_count, c.disagrees,
                   (select json_agg(json_build_object('department', a.department, 'role', a.role, 'state', a.state) order by a.role, a.department)
                    from minqing.assignments a where a."case" = c.id) as parts
            from minqing.cases c
            where c.id = $2::uuid
        ) x),
    'events', (
        select json_agg(json_build_object('event', e.id, 'at', minqing.wire_time(e.at), 'what', e.what, 'account', e.account, 'person', p.name,
                                          'note', e.note, 'state', e.state, 'version', e.version, 'data', e.data) order by e.id)
        from minqing.case_events e
        left join minqing.persons p on p.id = e.person
        where e.ref in ($1::uuid, $2::uuid)),
    'announcements', (
        select json_agg(json_build_object('topic', n.topic, 'audience', n.audience, 'scope', n.scope, 'version', n.version,
                                          'published_version', n.published_version, 'live', n.live, 'waiting', n.waiting)
                        order by n.topic, n.audience, n.scope)
        from minqing.v_announcements n
        where n.ref in ($1::uuid, $2::uuid))))
