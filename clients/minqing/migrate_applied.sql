-- The files applied so far. Out: number, name, sha256 of the file, when.
select number, coalesce(name, ''), sha256, to_char(applied_at, 'YYYY-MM-DD HH24:MI:SS TZ')
from minqing.schema_migrations
order by number
