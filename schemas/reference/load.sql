-- Brings the reference tables to what the .tsv files say; running it twice changes nothing.
-- In: for each file x.tsv a temporary table file_x of text columns ('-' stands for nothing). Out: nothing.

insert into minqing.areas as a (code, parent, level, name, short_name)
select code, nullif(parent, '44'), level, name, regexp_replace(name, '(镇|街道|村委会|居委会|社区居委会|市|管理区|经济开发试验区)$', '')
from file_areas
order by length(code), code
on conflict (code) do update set name = excluded.name, short_name = excluded.short_name
where (a.name, a.short_name) is distinct from (excluded.name, excluded.short_name);

-- Grids are not published: four a village, invented.
insert into minqing.areas (code, parent, level, name, short_name, synthetic)
select v.code || to_char(g, 'FM000'), v.code, 'grid', '第' || g || '网格', '第' || g || '网格', true
from minqing.areas v cross join generate_series(1, 4) g
where v.level = 'village'
on conflict (code) do nothing;

-- No real boundaries are to be had. Villages are laid on a spiral around an invented centre of their town, and each gets the cell
-- of a Voronoi diagram inside an outline drawn by hand. A polygon that was imported (polygon_synthetic false) stays.
with outline as (
    select st_geomfromtext('POLYGON((115.50 22.84, 115.58 22.84, 115.66 22.89, 115.72 22.85, 115.77 22.77, 115.86 22.77, 115.95 22.80,
        116.03 22.85, 116.10 22.86, 116.14 22.92, 116.10 23.02, 116.02 23.14, 115.92 23.20, 115.80 23.20, 115.68 23.16, 115.56 23.10,
        115.48 22.98, 115.50 22.84))', 4326) as shape
),
villages as (
    select a.code, a.parent, row_number() over (partition by a.parent order by a.code) as n
    from minqing.areas a
    where a.level = 'village'
),
seeds as (
    select v.code,
           st_setsrid(st_makepoint(t.lon::float8 + 0.0065 * sqrt(v.n) * cos(v.n * 2.399963), t.lat::float8 + 0.006 * sqrt(v.n) * sin(v.n * 2.399963)),
                      4326) as seed
    from villages v join file_towns t on t.code = v.parent
),
cells as (
    select (st_dump(st_voronoipolygons(st_collect(s.seed), 0, (select st_expand(shape, 0.2) from outline)))).geom as cell from seeds s
),
drawn as (
    select distinct on (s.code) s.code, d.geom as polygon
    from seeds s
    join cells c on st_covers(c.cell, s.seed)
    cross join outline o
    cross join lateral st_dump(st_intersection(c.cell, o.shape)) d
    where st_dimension(d.geom) = 2
    order by s.code, st_area(d.geom) desc
)
update minqing.areas a
set polygon = d.polygon
from drawn d
where a.code = d.code and a.polygon_synthetic and (a.polygon is null or not st_equals(a.polygon, d.polygon));

insert into minqing.departments as d (code, name_zh, name_en, aliases)
select code, name_zh, name_en, string_to_array(nullif(aliases, '-'), ',') from file_departments
on conflict (code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en, aliases = excluded.aliases;

insert into minqing.domains (code, position, name_zh, name_en, call_back, outcome_days, join_metres, join_minutes, join_overlap)
select code, row_number() over (), name_zh, name_en, call_back = '1', nullif(outcome_days, '-')::integer,
       join_metres::integer, join_minutes::integer, join_overlap::real
from file_domains
on conflict (code) do update
set name_zh = excluded.name_zh, name_en = excluded.name_en, call_back = excluded.call_back, outcome_days = excluded.outcome_days,
    join_metres = excluded.join_metres, join_minutes = excluded.join_minutes, join_overlap = excluded.join_overlap;

insert into minqing.severities (severity, name_zh, name_en, sign_minutes, handle_minutes, call_out_minutes)
select severity::smallint, name_zh, name_en, nullif(sign_minutes, '-')::integer, nullif(handle_minutes, '-')::integer,
       nullif(call_out_minutes, '-')::integer
from file_severities
on conflict (severity) do update
set name_zh = excluded.name_zh, name_en = excluded.name_en, sign_minutes = excluded.sign_minutes, handle_minutes = excluded.handle_minutes,
    call_out_minutes = excluded.call_out_minutes;

insert into minqing.kinds (code, domain, name_zh, name_en, severity, join_metres, join_minutes, join_overlap, restricted, call_back, outcome_days)
select code, split_part(code, '.', 1), name_zh, name_en, severity::smallint, join_metres::integer, join_minutes::integer, join_overlap::real,
       restricted = '1', call_back = '1', nullif(outcome_days, '-')::integer
from file_kinds
on conflict (code) do update
set name_zh = excluded.name_zh, name_en = excluded.name_en, severity = excluded.severity, join_metres = excluded.join_metres,
    join_minutes = excluded.join_minutes, join_overlap = excluded.join_overlap, restricted = excluded.restricted,
    call_back = excluded.call_back, outcome_days = excluded.outcome_days;

-- What may join what, within a domain. Of two different kinds the narrower rule holds, except where both are wide and of the sort
-- for which place and time suffice (smoke, then hill fire): there the wider. What is not known and not critical goes by the other's
-- rule, but never without a likeness of words.
delete from minqing.join_rules;
with rules as (
    select code, domain, join_metres as metres, join_minutes as minutes, join_overlap as overlap from minqing.kinds
    union all
    select code || '!', code, join_metres, join_minutes, join_overlap from minqing.domains
    union all
    -- critical: by the kind's own rule where it always is, else by the domain's, but not as far: it says what else it may be
    select k.code || '!', k.domain, case when k.severity = 4 then k.join_metres else greatest(k.join_metres, least(d.join_metres, 990)) end,
           case when k.severity = 4 then k.join_minutes else greatest(k.join_minutes, d.join_minutes) end,
           case when k.severity = 4 then k.join_overlap else d.join_overlap end
    from minqing.kinds k join minqing.domains d on d.code = k.domain
)
insert into minqing.join_rules (mine, other, metres, minutes, overlap)
select a.code, b.code,
       case when a.overlap = 0 and b.overlap = 0 and least(a.metres, b.metres) >= 1000 then greatest(a.metres, b.metres)
            else least(a.metres, b.metres) end,
       case when a.overlap = 0 and b.overlap = 0 then greatest(a.minutes, b.minutes) else least(a.minutes, b.minutes) end,
       greatest(a.overlap, b.overlap)
from rules a join rules b on b.domain = a.domain
union all
select r.code, r.domain, r.metres, r.minutes, greatest(r.overlap, 0.15) from rules r
union all
select r.domain, r.code, r.metres, r.minutes, greatest(r.overlap, 0.15) from rules r
union all
select d.code, d.code, 300, 720, 0.25 from minqing.domains d;

delete from minqing.transitions;
insert into minqing.transitions (subject, action, actor, from_states, to_state, from_parts, to_part, needs, raises, tells, event, name_zh, name_en)
select subject, action, actor, coalesce(string_to_array(nullif(from_states, '-'), ','), '{}'), nullif(to_state, '-'),
       string_to_array(nullif(from_parts, '-'), ','), nullif(to_part, '-'), coalesce(string_to_array(nullif(needs, '-'), ','), '{}'),
       raises = '1', tells = '1', event, name_zh, name_en
from file_transitions;

insert into minqing.settings (name, value, help)
select name, value, help from file_settings
on conflict (name) do update set value = excluded.value, help = excluded.help;

-- Routes: the kinds' own, the domains' defaults, then what routing.tsv says of areas and severities.
delete from minqing.routes;
insert into minqing.routes (domain, kind, area, severity, lead, supporting, sign_minutes, handle_minutes, clock, default_severity, restricted)
select split_part(code, '.', 1), code, '', null::smallint, lead, string_to_array(supporting, ','), sign_minutes::integer, handle_minutes::integer, clock,
       severity::smallint, restricted = '1'
from file_kinds
union all
select code, null, '', null::smallint, lead, string_to_array(supporting, ','), sign_minutes::integer, handle_minutes::integer, clock, severity::smallint,
       restricted = '1'
from file_domains
union all
select domain, nullif(kind, '-'), coalesce(nullif(area, '-'), ''), nullif(severity, '-')::smallint, lead, string_to_array(supporting, ','),
       sign_minutes::integer, handle_minutes::integer, clock, default_severity::smallint, restricted = '1'
from file_routing;

delete from minqing.calendar;
insert into minqing.calendar (day, working, name) select day::date, working = '1', name from file_calendar;
delete from minqing.working_day;
insert into minqing.working_day (starts, ends) select starts::time, ends::time from file_working_day;

insert into minqing.units (code, parent, level, name, area, leader)
select code, nullif(parent, '-'), level, name, area, nullif(leader, '-')
from file_units
order by case level when 'brigade' then 1 when 'squadron' then 2 else 3 end, code
on conflict (code) do update set parent = excluded.parent, name = excluded.name, area = excluded.area, leader = excluded.leader;
