-- How the database is. What the role may not see is null (pg_read_all_stats shows times and states of others, pg_read_all_settings the
-- folder).
-- In: key of the notifier's lock. Out: connections, most of them, longest transaction in seconds, whose, its process; sessions that wait
--     for locks, who holds them up (processes); who holds the notifier's lock (application and process), standbys, worst lag of them in
--     bytes, bytes of the log kept for slots nobody reads, whether the archiver fails, folder of the data, its size, webhooks that are
--     away or disabled; and the row as JSON.
select x.*, row_to_json(x)
from (
    select
        (select count(*) from pg_stat_activity a where a.backend_type is null or a.backend_type = 'client backend') as connections,
        (select setting::integer from pg_settings where name = 'max_connections') as max_connections,
        t.seconds as longest_transaction_s, t.application_name as longest_transaction_of, t.pid as longest_transaction_pid,
        (select count(distinct l.pid) from pg_locks l where not l.granted) as waiting_for_locks,
        (select string_agg(distinct b.pid::text, ' ')
         from pg_locks l cross join lateral unnest(pg_blocking_pids(l.pid)) b (pid) where not l.granted) as blocked_by,
        (select a.application_name || ' (' || l.pid || ')'
         from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database = (select oid from pg_database where datname = current_database())
           and (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint
         limit 1) as notifier_lock,
        (select count(*) from pg_stat_replication) as standbys,
        (select max(pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn))::bigint from pg_stat_replication r) as standby_lag_bytes,
        (select max(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn))::bigint from pg_replication_slots s where not s.active) as unread_slot_bytes,
        (select coalesce(a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) from pg_stat_archiver a) as archiver_fails,
        (select setting from pg_settings where name = 'data_directory') as data_directory,
        pg_size_pretty(pg_database_size(current_database())) as size,
        (select string_agg(w.name || case when w.enabled then ' away' else ' disabled' end, ', ' order by w.name)
         from minqing.webhooks w where w.failures > 0 or (not w.enabled and w.disabled_because is not null)) as webhooks_failing
    from (values (1)) one
    left join lateral (
        select extract(epoch from clock_timestamp() - a.xact_start)::bigint as seconds, a.application_name, a.pid
        from pg_stat_activity a
        where a.xact_start is not null and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
        order by a.xact_start limit 1) t on true
) x
