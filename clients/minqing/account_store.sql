-- Makes accounts and the people they belong to, or changes those that are there; a password that is there stays.
-- In: a JSON array of {account, role, name, area, department, unit, phone, hash} (null or missing: none), and whether accounts that
--     are there already are changed. Out: account, whether it was made now.
with input as materialized (
    select * from json_to_recordset($1::json)
        as t (account text, role text, name text, area text, department text, unit text, phone text, hash text)
),
people as (
    insert into minqing.persons as p (name, unit, phone)
    select distinct on (name, unit) name, unit, phone from input where name is not null order by name, unit, phone
    on conflict (name, unit) do update set phone = coalesce(excluded.phone, p.phone)
    returning p.id, p.name, p.unit
)
insert into minqing.accounts as a (account, role, person, area, department, password_hash)
select i.account, i.role, p.id, i.area, i.department, i.hash
from input i
left join people p on p.name = i.name and p.unit is not distinct from i.unit
on conflict (account) do update
set role = excluded.role, person = excluded.person, area = excluded.area, department = excluded.department
where $2::boolean
returning a.account, a.xmax = 0 as made
