-- Marks what the broker has taken. A retained message that nobody heard is with the broker all the same; any other waits until its
-- device is next heard from.
-- What is being changed just now is left out: it is announced again with its new state. Should that change come to nothing, the broker has
-- the message all the same; it is marked when the row is next announced, at the latest at the next connection. Waiting for the change would
-- hold up whatever else is to be told, and for a second where each waits for the other.
-- In: arrays (ref, topic, audience, scope, version, answer: taken or unheard).
with answered as materialized (
    select ref, topic, audience, scope, max(version) as version, bool_and(answer = 'taken' or topic in (1, 2, 3)) as held
    from unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::integer[], $6::text[])
        as t (ref, topic, audience, scope, version, answer)
    group by ref, topic, audience, scope
),
free as materialized (
    select a.ctid as place, i.version, i.held
    from answered i
    join minqing.announcements a on a.ref = i.ref and a.topic = i.topic and a.audience = i.audience and a.scope = i.scope
                                    and (a.published_version < i.version or a.waiting)
    for update of a skip locked
)
update minqing.announcements a
set published_version = case when f.held then greatest(a.published_version, f.version) else a.published_version end,
    waiting = not f.held,
    tries = case when f.held then 0 else least(a.tries + 1, 100) end,
    tried_at = case when f.held then a.tried_at else minqing.now() end
from free f
where a.ctid = f.place
