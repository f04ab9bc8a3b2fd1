-- What minqing sends outward for each report, as lines for bench-load --replay.
-- In: the tables after a run of minqing. Out: view bench.profile (report, what, town, department, bytes), to be read in the order of
--     report; report counts from 1.
create schema if not exists bench;

create or replace view bench.profile as
with chosen as materialized (
    select row_number() over (order by e.id) as n, e.*, r.account as device, r.town
    from minqing.case_events e
    join minqing.reports r on r.id = e.report
    where e.what in ('opened', 'joined', 'review')
    order by e.id
    limit 5000
)
select e.n as report, case a.topic when 1 then 'case' else 'restricted' end as what, case when length(a.scope) >= 9 then a.scope else 'all' end as town,
       a.audience as department, octet_length(minqing.case_message(c, a.topic = 1 and c.restricted)) as bytes
from chosen e
join minqing.cases c on c.id = e."case"
join minqing.v_announcements a on a.ref = c.id and a.topic in (1, 2)
union all
select e.n, 'review', v.town, '-', octet_length(minqing.review_message(v))
from chosen e
join minqing.reviews v on v.report = e.report and e.what = 'review'
union all
select e.n, 'status', '-', '-', octet_length(minqing.status_message(a.ref, a.audience, a.version))
from chosen e
join minqing.announcements a on a.ref = e.ref and a.topic = 4 and a.audience = e.device
union all
select e.n, 'stream', e.town, coalesce(c.domain, 'none'), octet_length(minqing.stream_message(v))
from chosen e
join minqing.case_events v on v.id = e.id
left join minqing.cases c on c.id = e."case";

-- The same in order. Its functions run some ten thousand times: planned once, not once each.
create or replace function bench.profile() returns setof bench.profile language sql set plan_cache_mode = force_generic_plan as
$$ select * from bench.profile order by report $$;
