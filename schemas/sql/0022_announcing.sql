-- What the notifier is to publish about changes.
set search_path = minqing, public;

-- Announcements that are due, from the present state, in statements that run only where there is something of their kind.
-- In: parallel arrays (event, ref); event 0: a retained topic is announced again although it was published before.
-- Out: topic (1 case, 2 restricted, 3 review, 4 status, 5 task; 0 stream line; 7: no announcement but the text of a case), ref, audience,
--     scope, version, live, payload, traceparent, domain and severity (of a stream line); text: the rows of topic 7 come first, numbered
--     from 0 (a number whose case is not there is left out), and the announcements of cases name theirs, since one text goes to several
--     departments.
create function due_announcements(p_events bigint[], p_refs uuid[])
returns table (topic smallint, ref uuid, audience text, scope text, version integer, live boolean, payload text, traceparent text, domain text,
               severity text, text bigint) language plpgsql stable as
$$
declare
    again uuid[];
    heard text[];
    due minqing.announcements[];
    lines record;
    refs uuid[];
    redacted boolean[];
    devices text[];
    versions integer[];
begin
    select array_agg(s.event order by s.event) as event, array_agg(s.ref order by s.event) as ref, array_agg(s.scope order by s.event) as scope,
           array_agg(s.version order by s.event) as version, array_agg(s.domain order by s.event) as domain,
           array_agg(s.severity order by s.event) as severity, array_agg(s.payload order by s.event) as payload,
           array_agg(s.traceparent order by s.event) as traceparent, array_agg(distinct s.heard) filter (where s.heard is not null) as heard
    into lines
    from minqing.stream_messages(p_events) s;
    select array_agg(distinct i.ref) into again from unnest(p_events, p_refs) i (event, ref) where i.event = 0;

    select array_agg(a) into due from minqing.announcements a
    where a.ref = any(p_refs) and a.version > a.published_version and not a.waiting;
    if again is not null then
        due := due || array(select a from minqing.announcements a
                            where a.ref = any(again) and a.topic in (1, 2, 3) and (a.live or a.ended_at > minqing.now() - interval '1 day')
                              and not (a.version > a.published_version and not a.waiting));
    end if;
    if lines.heard is not null then
        -- devices of which something was just heard: what waited for them can go, at once the first time, then less and less often
        due := due || array(select a from minqing.announcements a
                            where a.audience = any(lines.heard) and a.waiting and a.topic in (4, 5) and a.version > a.published_version
                              and a.tried_at + least(60, 5 * (a.tries - 1)) * interval '1 second' <= minqing.now());
    end if;

    select array_agg(t.ref order by t.ref, t.topic), array_agg(t.topic = 1 and c.restricted order by t.ref, t.topic) into refs, redacted
    from (select distinct a.ref, a.topic from unnest(due) a where a.topic in (1, 2)) t
    left join minqing.cases c on c.id = t.ref;
    if refs is not null then
        return query select 7::smallint, null::uuid, null, null, null::integer, null::boolean, m.payload, m.traceparent, null, null, m.n - 1
                     from minqing.case_messages(refs, redacted) m order by m.n;
        return query
        select a.topic, a.ref, a.audience, a.scope, a.version, a.live, null, null, null, null, dense_rank() over (order by a.ref, a.topic) - 1
        from unnest(due) a
        where a.topic in (1, 2);
    end if;

    select array_agg(a.ref), array_agg(a.audience), array_agg(a.version) into refs, devices, versions from unnest(due) a where a.topic = 4;
    if refs is not null then
        return query select 4::smallint, refs[m.n], devices[m.n], '', versions[m.n], true, m.payload, m.traceparent, null, null, null::bigint
                     from minqing.status_messages(refs, devices, versions) m;
    end if;

    if exists (select from unnest(due) a where a.topic in (3, 5)) then
        return query
        select a.topic, a.ref, a.audience, a.scope, a.version, a.live, minqing.review_message(v), r.traceparent, null, null, null::bigint
        from unnest(due) a
        join minqing.reviews v on v.report = a.ref
        join minqing.reports r on r.id = a.ref
        where a.topic = 3
        union all
        select a.topic, a.ref, a.audience, a.scope, a.version, a.live, minqing.task_message(a.scope::uuid), r.traceparent, null, null, null
        from unnest(due) a
        join minqing.cases c on c.id = a.ref
        join minqing.reports r on r.id = c.first_report
        where a.topic = 5;
    end if;

    if lines.event is not null then
        return query
        select 0::smallint, s.ref, '', s.scope, s.version, true, s.payload, s.traceparent, s.domain, s.severity::text, null::bigint
        from unnest(lines.ref, lines.scope, lines.version, lines.payload, lines.traceparent, lines.domain, lines.severity)
             as s (ref, scope, version, payload, traceparent, domain, severity);
    end if;
end
$$;

-- Rights ------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant execute on function due_announcements(bigint[], uuid[]), case_messages(uuid[], boolean[]), status_messages(uuid[], text[], integer[]),
    stream_messages(bigint[]), is_plain(text) to minqing_notifier;
grant execute on function case_messages(uuid[], boolean[]), status_messages(uuid[], text[], integer[]), is_plain(text) to minqing_query;
