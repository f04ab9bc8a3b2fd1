-- What a call costs however few reports it brings: fewer statements to find what is due, and no constraint that each statement reads anew.
set search_path = minqing, public;

-- As in 0022; what a batch has nothing of costs no statement, and lines are put in order once.
create or replace function due_announcements(p_events bigint[], p_refs uuid[])
returns table (topic smallint, ref uuid, audience text, scope text, version integer, live boolean, payload text, traceparent text, domain text,
               severity text, text bigint) language plpgsql stable as
$$
declare
    again uuid[];
    due minqing.announcements[];
    lines record;
    found record;
begin
    select array_agg(s.event) as event, array_agg(s.ref) as ref, array_agg(s.scope) as scope, array_agg(s.version) as version,
           array_agg(s.domain) as domain, array_agg(s.severity) as severity, array_agg(s.payload) as payload,
           array_agg(s.traceparent) as traceparent, array_agg(s.heard) filter (where s.heard is not null) as heard
    into lines
    from (select m.* from minqing.stream_messages(p_events) m order by m.event) s;

    select array_agg(a) into due from minqing.announcements a
    where a.ref = any(p_refs) and a.version > a.published_version and not a.waiting;
    if 0 = any(p_events) then
        select array_agg(distinct i.ref) into again from unnest(p_events, p_refs) i (event, ref) where i.event = 0;
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

    select array_agg(a.ref) filter (where a.topic = 4) as refs, array_agg(a.audience) filter (where a.topic = 4) as devices,
           array_agg(a.version) filter (where a.topic = 4) as versions, bool_or(a.topic in (1, 2)) as cases, bool_or(a.topic in (3, 5)) as others
    into found
    from unnest(due) a;

    if found.cases then
        return query
        select 7::smallint, null::uuid, null, null, null::integer, null::boolean, m.payload, m.traceparent, null, null, m.n - 1
        from (select array_agg(t.ref order by t.ref, t.topic) as refs,
                     array_agg(t.topic = 1 and c.restricted order by t.ref, t.topic) as redacted
              from (select distinct a.ref, a.topic from unnest(due) a where a.topic in (1, 2)) t
              left join minqing.cases c on c.id = t.ref) i
        cross join lateral minqing.case_messages(i.refs, i.redacted) m
        order by m.n;
        return query
        select a.topic, a.ref, a.audience, a.scope, a.version, a.live, null, null, null, null, dense_rank() over (order by a.ref, a.topic) - 1
        from unnest(due) a
        where a.topic in (1, 2);
    end if;

    if found.refs is not null then
        return query select 4::smallint, found.refs[m.n], found.devices[m.n], '', found.versions[m.n], true, m.payload, m.traceparent, null, null, null::bigint
                     from minqing.status_messages(found.refs, found.devices, found.versions) m;
    end if;

    if found.others then
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

-- Constraints of rows that only the functions here write. PostgreSQL reads and compiles each again in every statement that writes to its
-- table, for one row as for a thousand: a sixth of the time of a report that comes alone. What they held is written as it is in the
-- functions, comes from messages that met their schema, or from transitions, where it is checked when it is loaded.
alter table transitions
    add constraint transitions_to_state_check check (to_state in ('assigned', 'signed', 'in_progress', 'suspended', 'resolved', 'verified', 'closed',
        'refused', 'merged', 'waiting', 'decided', 'joined', 'called', 'acknowledged', 'arrived', 'done', 'stood_down')),
    add constraint transitions_to_part_check check (to_part in ('assigned', 'signed', 'in_progress', 'resolved', 'returned', 'released'));
alter table cases drop constraint cases_state_check, drop constraint cases_level_check, drop constraint cases_severity_check,
    drop constraint cases_rating_check;
alter table assignments drop constraint assignments_state_check, drop constraint assignments_role_check;
alter table announcements drop constraint announcements_topic_check;
alter table timers drop constraint timers_chain_check, drop constraint timers_step_check;
