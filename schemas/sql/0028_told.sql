-- One announcement of a case for all its desks: they are told the same, at the same time, and most of what telling costs is by the row.
-- Takes the place of due_announcements of 0022.
set search_path = minqing, public;

-- One row for all desks -----------------------------------------------------------------------------------------------

alter table announcements add column targets text[];
comment on table announcements is 'The last hop: what each audience is to be told. topic: 1 case, 2 restricted case, 3 review, 4 status, 5 task, 6 notice.';
comment on column announcements.targets is 'Of a case: all its desks, as department/area; audience and scope are empty then. A desk that leaves a case before it ends gets a row of its own, with the end.';

insert into announcements (ref, topic, audience, scope, version, published_version, targets)
select a.ref, a.topic, '', '', max(a.version), min(a.published_version), array_agg(a.audience || '/' || a.scope order by a.audience, a.scope)
from announcements a
where a.topic in (1, 2) and a.live
group by a.ref, a.topic;
delete from announcements a where a.topic in (1, 2) and a.live and a.targets is null;

create view v_announcements as
select a.ref, a.topic, coalesce(split_part(t.target, '/', 1), a.audience) as audience, coalesce(split_part(t.target, '/', 2), a.scope) as scope,
       a.version, a.published_version, a.live, a.waiting, a.ended_at
from announcements a
left join lateral unnest(a.targets) t (target) on true;
comment on view v_announcements is 'Announcements with a row for each desk.';

-- What is due ---------------------------------------------------------------------------------------------------------

-- Announcements that are due, from the present state, in statements that run only where there is something of their kind.
-- In: parallel arrays (event, ref), null where there are none; event 0: a retained topic is announced again although it was published
--     before. Devices that are heard besides those that brought the events.
-- Out: topic (1 case, 2 restricted, 3 review, 4 status, 5 task; 0 stream line), ref, audience, scope, version, live, payload, traceparent,
--     domain and severity (of a stream line), targets (of a case: departments and areas, department/area, with spaces between them).
drop function due_announcements(bigint[], uuid[]);
create function due_announcements(p_events bigint[], p_refs uuid[], p_heard text[])
returns table (topic smallint, ref uuid, audience text, scope text, version integer, live boolean, payload text, traceparent text, domain text,
               severity text, targets text) language plpgsql stable as
$$
declare
    heard text[] := p_heard;
    again uuid[];
    due minqing.announcements[];
    cases minqing.announcements[];
    found record;
begin
    if p_events is not null then
        heard := heard || array(select case when e.actor = 'officer' then e.account else r.account end
                                from unnest(p_events) i (id)
                                join minqing.case_events e on e.id = i.id
                                left join minqing.reports r on r.id = e.report
                                where e.actor = 'officer' or e.report is not null);
        select array_agg(a) into due from minqing.announcements a
        where a.ref = any(p_refs) and a.version > a.published_version and not a.waiting;
        if 0 = any(p_events) then
            select array_agg(distinct i.ref) into again from unnest(p_events, p_refs) i (event, ref) where i.event = 0;
            due := due || array(select a from minqing.announcements a
                                where a.ref = any(again) and a.topic in (1, 2, 3) and (a.live or a.ended_at > minqing.now() - interval '1 day')
                                  and not (a.version > a.published_version and not a.waiting));
        end if;
    end if;
    if heard <> '{}' then
        -- devices of which something was just heard: what waited for them can go, at once the first time, then less and less often
        due := due || array(select a from minqing.announcements a
                            where a.audience = any(heard) and a.waiting and a.topic in (4, 5) and a.version > a.published_version
                              and a.tried_at + least(60, 5 * (a.tries - 1)) * interval '1 second' <= minqing.now());
    end if;

    if due <> '{}' then
        select array_agg(a.ref) filter (where a.topic = 4) as refs, array_agg(a.audience) filter (where a.topic = 4) as devices,
               array_agg(a.version) filter (where a.topic = 4) as versions, array_agg(a.ref) filter (where a.topic = 3) as reviews,
               bool_or(a.topic in (1, 2)) as cases, bool_or(a.topic = 5) as tasks
        into found
        from unnest(due) a;

        if found.cases then
            select array_agg(a order by a.ref, a.topic) into cases from unnest(due) a where a.topic in (1, 2);
            return query
            select cases[m.n].topic, cases[m.n].ref, cases[m.n].audience, cases[m.n].scope, cases[m.n].version, cases[m.n].live, m.payload,
                   m.traceparent, null, null, array_to_string(cases[m.n].targets, ' ')
            from (select array_agg(a.ref order by a.n) as refs, array_agg(a.topic = 1 and c.restricted order by a.n) as redacted
                  from unnest(cases) with ordinality as a (ref, topic, audience, scope, version, published_version, live, waiting, ended_at, tries, tried_at,
                                                           targets, n)
                  left join minqing.cases c on c.id = a.ref) i
            cross join lateral minqing.case_messages(i.refs, i.redacted) m;
        end if;

        if found.refs is not null then
            return query
            select 4::smallint, found.refs[m.n], found.devices[m.n], '', found.versions[m.n], true, m.payload, m.traceparent, null, null, null
            from minqing.status_messages(found.refs, found.devices, found.versions) m;
        end if;

        if found.reviews is not null then
            return query
            select a.topic, a.ref, a.audience, a.scope, a.version, a.live, m.payload, m.traceparent, null, null, null
            from minqing.review_messages(found.reviews) m
            cross join lateral (select d.* from unnest(due) d where d.topic = 3 and d.ref = m.report offset 0) a;
        end if;

        if found.tasks then
            return query
            select a.topic, a.ref, a.audience, a.scope, a.version, a.live, minqing.task_message(a.scope::uuid), r.traceparent, null, null, null
            from unnest(due) a
            join minqing.cases c on c.id = a.ref
            join minqing.reports r on r.id = c.first_report
            where a.topic = 5;
        end if;
    end if;

    if p_events is not null then
        return query
        select 0::smallint, s.ref, '', s.scope, s.version, true, s.payload, s.traceparent, s.domain, s.severity::text, null
        from minqing.stream_messages(p_events) s;
    end if;
end
$$;

-- Rights --------------------------------------------------------------------------------------------------------------

revoke execute on all functions in schema minqing from public;
grant execute on function due_announcements(bigint[], uuid[], text[]), stream_messages(bigint[]), review_messages(uuid[]), quoted(text), yes_no(boolean),
    quoted_time(timestamptz), part_text(assignments, text), report_text(uuid, timestamptz, text, text[]),
    case_text(cases, reports, text, text, text, text, text, text, text, text, text), redacted_text(cases),
    status_text(cases, uuid, text, integer, text, text), opened_words(text, text, text),
    line_text(case_events, cases, reports, text, smallint, text, text, text, text, text), redacted_line(case_events, cases, text) to minqing_notifier;
grant execute on function review_messages(uuid[]), quoted(text), yes_no(boolean), quoted_time(timestamptz), part_text(assignments, text),
    report_text(uuid, timestamptz, text, text[]), case_text(cases, reports, text, text, text, text, text, text, text, text, text),
    redacted_text(cases), status_text(cases, uuid, text, integer, text, text), opened_words(text, text, text) to minqing_query;
grant select on v_announcements to minqing_reader, minqing_test;
