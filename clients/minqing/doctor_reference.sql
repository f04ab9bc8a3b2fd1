-- Reference tables against their files, which lie in temporary tables file_x (see reference.h).
-- Out: table, rows of the file, of them those that the table has not or has otherwise.
select 'areas', count(*), count(*) filter (where not exists (select from minqing.areas t where (t.code, t.name, t.level) = (f.code, f.name, f.level))) from file_areas f
union all
select 'domains', count(*), count(*) filter (where not exists (select from minqing.domains t where (t.code, t.name_zh, t.name_en) = (f.code, f.name_zh, f.name_en))) from file_domains f
union all
select 'departments', count(*), count(*) filter (where not exists (select from minqing.departments t where (t.code, t.name_zh, t.name_en) = (f.code, f.name_zh, f.name_en)))
from file_departments f
union all
select 'kinds', count(*), count(*) filter (where not exists (
    select from minqing.kinds t
    where (t.code, t.name_zh, t.name_en, t.severity::text, t.restricted) = (f.code, f.name_zh, f.name_en, f.severity, f.restricted = '1')))
from file_kinds f
union all
select 'severities', count(*), count(*) filter (where not exists (select from minqing.severities t where (t.severity::text, t.name_zh, t.name_en) = (f.severity, f.name_zh, f.name_en)))
from file_severities f
union all
select 'transitions', count(*), count(*) filter (where not exists (
    select from minqing.transitions t where (t.subject, t.action, t.actor, t.event) = (f.subject, f.action, f.actor, f.event)))
from file_transitions f
union all
select 'routes', count(*), count(*) filter (where not exists (select from minqing.routes t where t.kind = f.code and t.lead = f.lead and t.area = '')) from file_kinds f
union all
select 'calendar', count(*), count(*) filter (where not exists (select from minqing.calendar t where (t.day, t.working) = (f.day::date, f.working = '1')))
from file_calendar f
union all
select 'units', count(*), count(*) filter (where not exists (select from minqing.units t where (t.code, t.name) = (f.code, f.name))) from file_units f
union all
select 'settings', count(*), count(*) filter (where not exists (select from minqing.settings t where (t.name, t.value) = (f.name, f.value))) from file_settings f
