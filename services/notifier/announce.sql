-- What is to be published about the given changes, from the present state.
-- Nearly all of them are cases just opened, which nothing has happened to since: their messages are made of what one look at each finds.
-- The rest, what waited for devices that brought something, and what is announced again is for due_announcements.
-- In: arrays (index, event, ref). Event 0: a retained topic is announced again although it was published before.
-- Out: as minqing.due_announcements: topic, ref, audience, scope, version, live, payload, traceparent, domain, severity, targets.
with opened as materialized (
    select e.id as event, c.id as ref, c.town, c.restricted, case when c.restricted then 'none' else c.domain end as domain, c.severity::text as severity,
           r.account, r.traceparent,
           case when c.restricted then minqing.redacted_line(e, c, a9.name)
                else minqing.line_text(e, c, r, c.domain, c.severity, d.name_zh, k.name_zh, l.name_zh,
                                       nullif(concat(a9.name, a12.name, a15.name), ''), null) end as line,
           minqing.case_text(c, r, d.name_zh, k.name_zh, l.name_zh, nullif(concat(a9.name, a12.name, a15.name), ''),
                             (select string_agg(minqing.part_text(a, p.name_zh), ',' order by a.role, a.department)
                              from minqing.assignments a join minqing.departments p on p.code = a.department where a."case" = c.id),
                             null, null,
                             minqing.report_text(r.id, r.observed_at, minqing.quoted(case when c.restricted then r.text else coalesce(r.masked, r.text) end),
                                                 r.attachments),
                             concat('{"at":', minqing.quoted_time(e.at), ',"what":"opened"', ',"by":' || to_json(e.account)::text, '}')) as told,
           case when c.restricted then minqing.redacted_text(c) end as redacted,
           minqing.status_text(c, r.id, '["' || r.id || '"]', c.version, l.name_zh, minqing.opened_words(c.number, l.name_zh, l.name_en)) as status
    from unnest($2::bigint[], $3::uuid[]) i (event, ref)
    join minqing.case_events e on e.id = i.event and e.what = 'opened'
    join minqing.cases c on c.id = e."case" and c.version = 1
    join minqing.reports r on r.id = c.first_report
    left join minqing.domains d on d.code = c.domain
    left join minqing.departments l on l.code = c.lead
    left join minqing.kinds k on k.code = c.kind
    -- as area_name: town, village, grid
    left join minqing.areas a9 on a9.code = left(r.area, 9) and length(a9.code) = 9
    left join minqing.areas a12 on a12.code = left(r.area, 12) and length(a12.code) = 12
    left join minqing.areas a15 on a15.code = r.area and length(a15.code) = 15
    where $1::integer[] is not null
)
select a.topic, o.ref, a.audience, a.scope, a.version, a.live,
       case when a.topic = 4 then o.status when a.topic = 1 and o.restricted then o.redacted else o.told end as payload,
       o.traceparent, null as domain, null as severity, array_to_string(a.targets, ' ') as targets
from opened o
join minqing.announcements a on a.ref = o.ref and a.version > a.published_version and not a.waiting
union all
select 0, o.ref, '', o.town, 1, true, o.line, o.traceparent, o.domain, o.severity, null
from opened o
union all
select d.*
from (select array_agg(i.event) as events, array_agg(i.ref) as refs, (select array_agg(distinct o.account) from opened o) as heard
      from unnest($2::bigint[], $3::uuid[]) i (event, ref)
      where i.event not in (select o.event from opened o)) n
cross join lateral minqing.due_announcements(n.events, n.refs, n.heard) d
where n.events is not null or exists (select from opened o join minqing.announcements a on a.audience = o.account and a.waiting)
