-- All accounts, for people. Out: account, role, area in words, department, person, unit, locked; and the row as JSON.
select x.account, x.role, coalesce(x.area_name, ''), coalesce(x.department, ''), coalesce(x.name, ''), coalesce(x.unit_name, ''), x.locked,
       json_strip_nulls(row_to_json(x)) as json
from (
    select a.account, a.role, a.area, coalesce(minqing.area_name(a.area), r.name) as area_name, a.department, p.name, p.phone, p.unit,
           u.name as unit_name, a.locked, minqing.wire_time(a.created_at) as created_at
    from minqing.accounts a
    left join minqing.areas r on r.code = a.area
    left join minqing.persons p on p.id = a.person
    left join minqing.units u on u.code = p.unit
) x
order by x.role, x.account
