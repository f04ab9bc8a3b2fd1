-- Answers questions, each with the eyes of the account that asks.
-- In: arrays (index, account of the topic, name of the question, the question as JSON).
-- Out: n, answer (JSON); after the answer to `subject` rows with answer null, one a person: subject (JSON: which report or visit told
--     it, and when), seal_key, sealed, context (the id that the seal is bound to). Whoever asks more than a few at once is told to wait.
select q.n, a.answer, a.subject, a.seal_key, a.sealed, a.context
from (
    select i.*, row_number() over (partition by i.account order by i.n) - 1 as before
    from unnest($1::integer[], $2::text[], $3::text[], $4::jsonb[]) as i (n, account, name, question)
) q
cross join lateral minqing.ask(q.account, q.name, q.question, q.before::integer) a
