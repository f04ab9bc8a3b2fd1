-- Marks what the broker has taken. A retained message that nobody heard is with the broker all the same; any other waits until its
-- device is next heard from.
-- In the order in which the dispatcher changes them (join_cases), so that neither waits for the other in a circle.
-- In: arrays (ref, topic, audience, scope, version, answer: taken or unheard).
update minqing.announcements a
set published_version = case when i.held then greatest(a.published_version, i.version) else a.published_version end,
    waiting = not i.held,
    tries = case when i.held then 0 else least(a.tries + 1, 100) end,
    tried_at = case when i.held then a.tried_at else minqing.now() end
from (
    select ref, topic, audience, scope, max(version) as version, bool_and(answer = 'taken' or topic in (1, 2, 3)) as held
    from unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::integer[], $6::text[])
        as t (ref, topic, audience, scope, version, answer)
    group by ref, topic, audience, scope
    order by topic < 4, ref, topic, audience, scope
) i
where a.ref = i.ref and a.topic = i.topic and a.audience = i.audience and a.scope = i.scope
  and (a.published_version < i.version or a.waiting)
