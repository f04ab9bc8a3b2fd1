-- Stores what the model said of a batch of reports, and decides: an officer's own kind or domain is followed, then the model's
-- where it is sure; severity is the higher of the officer's, the kind's and the model's.
-- In: arrays, one a column of `input`. `sure`: the model would dispatch. `denies`: the model finds nothing to act on in the text
--     (severity 1, sure of it): then the kind's own severity does not raise it. also, because and words are text, JSON and array text.
-- Out: element, for each row that is new: what goes on to the dispatcher.
with input as materialized (
    select *, coalesce(split_part(officer_kind, '.', 1), officer_domain, case when sure then model_domain end) as domain,
           case when officer_kind is not null then officer_kind
                when officer_domain is null and sure then model_kind
                -- the officer's domain with the model's kind, where the kind is of that domain
                when split_part(model_kind, '.', 1) = officer_domain then model_kind end as kind
    from unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::text[], $7::text[], $8::real[], $9::smallint[],
                $10::boolean[], $11::boolean[], $12::boolean[], $13::text[], $14::jsonb[], $15::text[], $16::text[], $17::text[])
         as t (n, id, officer_domain, officer_kind, officer_severity, model_domain, model_kind, probability, model_severity, sure, strong,
               denies, also, because, model, traceparent, words)
),
stored as (
    insert into minqing.classifications as c (report, at, domain, kind, severity, review, disagrees, also, model_domain, model_kind,
                                              probability, model_severity, because, model, words)
    select d.id, (select minqing.now()), d.domain, minqing.known_kind(d.kind, k.code),
           greatest(d.officer_severity, case when not d.denies or d.officer_kind is not null then k.severity end, d.model_severity),
           d.domain is null, d.domain is not null and d.strong and d.model_domain is distinct from d.domain,
           array_remove(coalesce(string_to_array(d.also, ','), '{}'), d.domain),
           d.model_domain, d.model_kind, d.probability, d.model_severity, d.because, d.model, d.words::integer[]
    from input d
    left join minqing.kinds k on k.code = d.kind
    where exists (select from minqing.reports r where r.id = d.id)
    order by d.id, d.n
    on conflict (report) do nothing
    returning c.report
)
select minqing.classified_element(i.id, i.traceparent) as element
from input i
-- "is true" keeps it a look into a hash of what was stored, not a loop over it
where (i.id in (select s.report from stored s)) is true
order by i.n
