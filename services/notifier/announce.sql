-- What is to be published about the given changes, from the present state.
-- In: arrays (index, event, ref). Event 0: a retained topic is announced again although it was published before.
-- Out: topic (1 case, 2 restricted, 3 review, 4 status, 5 task; 0 stream line), ref, audience, scope, version, live, payload, traceparent,
--     domain and severity (of a stream line).
with input as (
    select * from unnest($1::integer[], $2::bigint[], $3::uuid[]) as t (n, event, ref)
),
refs as materialized (
    select ref, bool_or(event = 0) as again from input group by ref
),
heard as materialized (
    -- devices of which something was just heard: what waited for them can go
    select distinct case when e.actor = 'officer' then e.account else r.account end as account
    from input i
    join minqing.case_events e on e.id = i.event
    left join minqing.reports r on r.id = e.report
    where e.report is not null or e.actor = 'officer'
),
due as materialized (
    select a.*
    from refs r
    join minqing.announcements a on a.ref = r.ref
    where (a.version > a.published_version and not a.waiting)
       or (r.again and a.topic in (1, 2, 3) and (a.live or a.ended_at > minqing.now() - interval '1 day'))
    union
    select a.*
    from heard h
    join minqing.announcements a on a.audience = h.account and a.waiting
    where a.topic in (4, 5) and a.version > a.published_version
      -- at once the first time, then less and less often
      and a.tried_at + least(60, 5 * (a.tries - 1)) * interval '1 second' <= minqing.now()
),
-- one text a case, however many departments get it
case_texts as materialized (
    select x.ref, x.topic, minqing.case_message(c, x.topic = 1 and c.restricted) as payload, l.traceparent
    from (select distinct ref, topic from due where topic in (1, 2)) x
    join minqing.cases c on c.id = x.ref
    -- followed by the trace of what last came to it
    left join lateral (
        select r.traceparent from minqing.case_reports m join minqing.reports r on r.id = m.report where m."case" = c.id order by m.added_at desc limit 1
    ) l on true
)
select d.topic, d.ref, d.audience, d.scope, d.version, d.live, t.payload, t.traceparent, null as domain, null as severity
from due d
join case_texts t on t.ref = d.ref and t.topic = d.topic
union all
select d.topic, d.ref, d.audience, d.scope, d.version, d.live, minqing.review_message(v), r.traceparent, null, null
from due d
join minqing.reviews v on v.report = d.ref
join minqing.reports r on r.id = d.ref
where d.topic = 3
union all
select d.topic, d.ref, d.audience, d.scope, d.version, d.live, minqing.status_message(d.ref, d.audience, d.version), r.traceparent, null, null
from due d
left join minqing.cases c on c.id = d.ref
left join minqing.reports r on r.id = coalesce(c.first_report, d.ref)
where d.topic = 4
union all
select d.topic, d.ref, d.audience, d.scope, d.version, d.live, minqing.task_message(d.scope::uuid), r.traceparent, null, null
from due d
join minqing.cases c on c.id = d.ref
join minqing.reports r on r.id = c.first_report
where d.topic = 5
union all
select 0, e.ref, '', coalesce(c.town, v.town, e.data ->> 'town'), e.version, true, minqing.stream_message(e), r.traceparent,
       case when c.restricted then 'none' else coalesce(c.domain, v.domain, 'none') end, coalesce(c.severity, v.severity, 1)::text
from input i
join minqing.case_events e on e.id = i.event
left join minqing.cases c on c.id = e."case"
left join minqing.reviews v on v.report = e.report
left join minqing.reports r on r.id = e.report
