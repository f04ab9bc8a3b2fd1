-- What each stage has not handled of what its predecessor has, of the last day: as its own backlog.sql sees it, counted to 10,001.
-- Out: stage, service, rows behind, age of the oldest in seconds (null: none), rejections of the service in the last hour.
with behind (stage, service, at) as (
    (select 'classify', 'classifier', r.received_at
     from minqing.reports r
     where r.received_at > minqing.now() - interval '1 day'
       and not exists (select from minqing.classifications c where c.report = r.id)
     order by r.received_at limit 10001)
    union all
    (select 'dispatch', 'dispatcher', r.received_at
     from minqing.reports r
     join minqing.classifications c on c.report = r.id
     where r.received_at > minqing.now() - interval '1 day'
       and not exists (select from minqing.case_reports k where k.report = r.id)
       and not exists (select from minqing.reviews v where v.report = r.id)
     order by r.received_at limit 10001)
    union all
    (select 'answers', 'dispatcher', a.received_at
     from minqing.answers a
     where a.received_at > minqing.now() - interval '1 day' and not exists (select from minqing.outcomes o where o.id = a.id)
     order by a.received_at limit 10001)
    union all
    (select 'visits', 'dispatcher', v.received_at
     from minqing.visits v
     where v.received_at > minqing.now() - interval '1 day' and not exists (select from minqing.outcomes o where o.id = v.id)
     order by v.received_at limit 10001)
    union all
    (select 'deadlines', 'dispatcher', t.due_at from minqing.timers t where t.due_at <= minqing.now() order by t.due_at limit 10001)
    union all
    -- when it changed is in the history of its case, or in the report that waits for review; a row is as old as what it tells
    (select 'announce', 'notifier',
            coalesce((select e.at from minqing.case_events e where e."case" = n.ref order by e.id desc limit 1),
                     (select r.received_at from minqing.reports r where r.id = n.ref))
     from minqing.announcements n
     where (n.live or n.ended_at > minqing.now() - interval '1 day') and n.version > n.published_version and not n.waiting
     limit 10001)
    union all
    (select 'index', 'query', e.at
     from minqing.case_events e
     join minqing.case_reports k on k.report = e.report
     where e.at > minqing.now() - interval '1 day' and e."case" is not null
       and not exists (select from minqing.report_index x where x.report = e.report)
     order by e.at limit 10001)
    union all
    (select 'webhook', 'webhook', d.due_at
     from minqing.deliveries d
     join minqing.webhooks w on w.id = d.webhook and w.enabled
     where d.state = 'waiting' and d.due_at <= minqing.now() and coalesce(w.paused_until, minqing.now()) <= minqing.now()
     order by d.due_at limit 10001)
)
select s.stage, s.service, count(b.stage), extract(epoch from minqing.now() - min(b.at))::bigint,
       (select count(*) from (select from minqing.rejections j
                              where j.service = s.service and j.at > minqing.now() - interval '1 hour' limit 10001) j)
from (values (1, 'classify', 'classifier'), (2, 'dispatch', 'dispatcher'), (3, 'answers', 'dispatcher'), (4, 'visits', 'dispatcher'),
             (5, 'deadlines', 'dispatcher'), (6, 'announce', 'notifier'), (7, 'index', 'query'), (8, 'webhook', 'webhook')) s (n, stage, service)
left join behind b on b.stage = s.stage
group by s.n, s.stage, s.service
order by s.n
