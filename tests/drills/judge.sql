-- What the database holds of a drill's reports.
-- In: $1 ids of all that were sent, $2 ids of those with a receipt accepted or duplicate, $3 their devices, $4 when the drill began.
-- Out: one row of counts, and `joined`, which reports with a receipt became part of another's case: stored (of those sent), missing (has a receipt, is not there), doubled (the same bytes, or in two cases, more
--      than once), unhandled (has a receipt, neither in a case announced to a department nor waiting for review), invented (of these
--      devices, and never sent).
with mine as materialized (
    select r.id, r.payload_sha256
    from minqing.reports r
    where r.received_at >= $4::timestamptz and r.account = any ($3::text[])
),
promised as materialized (
    select id
    from unnest($2::uuid[]) as id
)
select (select count(*) from minqing.reports r where r.id = any ($1::uuid[]))::int as stored,
       (select count(*) from promised p where not exists (select from minqing.reports r where r.id = p.id))::int as missing,
       ((select count(*) - count(distinct payload_sha256) from mine)
        + (select count(*) - count(distinct c.report) from minqing.case_reports c join mine on mine.id = c.report))::int as doubled,
       (select count(*)
        from promised p
        where not exists (select
                          from minqing.case_reports c
                          join minqing.announcements a on a.ref = c."case" and a.topic in (1, 2)
                          where c.report = p.id and a.published_version >= a.version)
          and not exists (select
                          from minqing.announcements a
                          where a.ref = p.id and a.topic = 3 and a.published_version >= a.version))::int as unhandled,
       (select count(*) from mine where id <> all ($1::uuid[]))::int as invented,
       array(select c.report
             from minqing.case_reports c
             join promised p on p.id = c.report
             where exists (select from minqing.case_reports o where o."case" = c."case" and o.report <> c.report)) as joined
