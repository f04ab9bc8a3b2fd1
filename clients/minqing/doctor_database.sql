-- What must hold of the database. Asked as the owner; another role finds less to look at (null: unknown).
-- In: schema version of the program. Out: check (a row of the doctor's table), whether it is good (null: not to be seen by this role),
--     what was found.
select 'db_version' as check_, current_setting('server_version_num')::integer >= 150000 as good, current_setting('server_version') as found
union all
select 'db_postgis', count(*) = 1, coalesce(min(extversion), 'not installed') from pg_extension where extname = 'postgis'
union all
select 'db_encoding', pg_encoding_to_char(encoding) = 'UTF8' and datctype not in ('C', 'POSIX'),
       pg_encoding_to_char(encoding) || ', ' || datcollate || ', ' || datctype
from pg_database where datname = current_database()
union all
select 'db_durable', count(*) filter (where setting <> all (allowed)) = 0,
       coalesce(string_agg(name || ' = ' || setting, ', ' order by name) filter (where setting <> all (allowed)), 'fsync, full_page_writes, synchronous_commit on')
from pg_settings
join (values ('fsync', array['on']), ('full_page_writes', array['on']), ('synchronous_commit', array['on', 'remote_apply', 'remote_write'])) v (wanted, allowed)
    on wanted = name
union all
-- receipts and cases: whoever writes them must not have been given another answer than the server's
select 'db_durable', false, r.rolname || ': ' || c
from pg_roles r cross join unnest(r.rolconfig) c
where r.rolname in ('minqing_ingest', 'minqing_dispatcher') and c ~* '^synchronous_commit=(off|local)$'
union all
select 'db_schema', max(number) = $1::integer, max(number) || ', program ' || $1 from minqing.schema_migrations
union all
select 'db_sessions', used < 0.8 * most, used || ' of ' || most
from (select (select count(*) from pg_stat_activity where backend_type is null or backend_type = 'client backend') as used,
             current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer as most) s
union all
select 'clock_moved', abs(extract(epoch from moved)) < 2, moved::text from minqing.clock_offset
union all
select 'db_roles', false, w.role || ': does not exist'
from (values ('minqing_ingest'), ('minqing_classifier'), ('minqing_dispatcher'), ('minqing_notifier'), ('minqing_query'), ('minqing_webhook'),
             ('minqing_reader')) w (role)
where not exists (select from pg_roles r where r.rolname = w.role)
union all
select 'db_roles', false, r.rolname || ': ' || concat_ws(', ', case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'bypassrls' end,
       case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end, case when r.rolreplication then 'replication' end)
from pg_roles r
where r.rolname ~ '^minqing_' and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication)
union all
select 'db_roles', false, r.rolname || ': member of ' || g.rolname
from pg_auth_members m join pg_roles r on r.oid = m.member join pg_roles g on g.oid = m.roleid
where r.rolname ~ '^minqing_' and r.rolname <> 'minqing_reader'
union all
-- history, personal data and secrets are nobody's to change or to read beyond what the migrations say
select 'db_roles', false, r.rolname || ': may ' || p.privilege || ' ' || t.name
from pg_roles r
cross join (values ('reports'), ('case_events'), ('audit_entries'), ('accounts'), ('schema_migrations')) t (name)
cross join (values ('UPDATE'), ('DELETE'), ('TRUNCATE')) p (privilege)
where r.rolname ~ '^minqing_' and not r.rolsuper and has_table_privilege(r.oid, ('minqing.' || t.name)::regclass, p.privilege)
union all
select 'db_roles', false, r.rolname || ': may read ' || c.name
from pg_roles r
cross join (values ('minqing.accounts', 'password_hash'), ('minqing.reports', 'subject'), ('minqing.webhooks', 'secret')) c (relation, name)
where r.rolname = 'minqing_reader' and not r.rolsuper and has_column_privilege(r.oid, c.relation::regclass, c.name, 'SELECT')
union all
select 'db_roles', false, 'everybody: may ' || p.privilege || ' ' || t.relname
from pg_class t join pg_namespace n on n.oid = t.relnamespace
cross join (values ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) p (privilege)
where n.nspname = 'minqing' and t.relkind in ('r', 'p') and exists (
    select from aclexplode(t.relacl) a where a.grantee = 0 and a.privilege_type = p.privilege)
