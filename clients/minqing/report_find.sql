-- Which report is meant. In: a report's id, a case's id, or a case's number (of several years the latest). Out: the report's id: its
-- own, or the first one of the case; and the case's, where there is one.
with wanted as (
    select $1::text as text, case when $1 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end as id
)
select r.id as report, k."case"
from wanted w
join minqing.reports r on r.id = w.id
left join minqing.case_reports k on k.report = r.id
union all
(select c.first_report, c.id
 from wanted w
 join minqing.cases c on c.id = w.id or c.number = w.text
 order by c.opened_at desc
 limit 1)
limit 1
