-- The backlog of each stage and the database, for one screen. Only the last hour's rows are looked at, and no more than 10,001 of a
-- kind: what is older is brought by the sweeps, and an exact number is not worth a scan of everything.
-- Out: unclassified, undispatched, unannounced, waiting for a device, reviews waiting, rejections, reports in the hour, deliveries
--     waiting for webhooks, schema, size; and the row as JSON.
select x.*, row_to_json(x)
from (
    select
        (select count(*) from (
            select from minqing.reports r
            where r.received_at > minqing.now() - interval '1 hour'
              and not exists (select from minqing.classifications c where c.report = r.id)
            limit 10001) a) as unclassified,
        (select count(*) from (
            select from minqing.reports r
            join minqing.classifications c on c.report = r.id
            where r.received_at > minqing.now() - interval '1 hour'
              and not exists (select from minqing.case_reports k where k.report = r.id)
              and not exists (select from minqing.reviews v where v.report = r.id)
            limit 10001) a) as undispatched,
        (select count(*) from (
            select from minqing.announcements n where n.live and n.version > n.published_version and not n.waiting
            limit 10001) a) as unannounced,
        (select count(*) from (select from minqing.announcements n where n.live and n.waiting limit 10001) a) as waiting_for_device,
        (select count(*) from (select from minqing.reviews v where v.state = 'waiting' limit 10001) a) as reviews_waiting,
        (select count(*) from (
            select from minqing.rejections j where j.at > minqing.now() - interval '1 hour' limit 10001) a) as rejections,
        (select count(*) from (
            select from minqing.reports r where r.received_at > minqing.now() - interval '1 hour' limit 1000001) a) as reports,
        (select count(*) from (select from minqing.deliveries d where d.state = 'waiting' limit 10001) a) as undelivered,
        (select max(number) from minqing.schema_migrations) as schema,
        pg_size_pretty(pg_database_size(current_database())) as size
) x
