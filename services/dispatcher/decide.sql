-- The command centre's decisions about waiting reports, one after the other.
-- In: arrays (index, action, sha256 of its bytes, account, area of its topic, report, the id its case would get, domain, kind,
--     severity, dismiss, note). Out: n, reply (JSON, null on further rows of the same action), element (an event, or null).
select i.n, d.reply, case when d.event is not null then minqing.dispatched_element(d.event, d.ref, d.traceparent) end as element
from unnest($1::integer[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::text[], $9::text[],
            $10::smallint[], $11::boolean[], $12::text[])
     as i (n, action, sha256, account, area, report, "case", domain, kind, severity, dismiss, note)
cross join lateral minqing.decide_review(i.action, i.sha256, i.account, i.area, i.report, i."case", i.domain, i.kind, i.severity,
                                         i.dismiss, i.note) d
