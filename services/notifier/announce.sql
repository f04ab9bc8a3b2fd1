-- What is to be published about the given changes, from the present state.
-- Nearly all of them are cases just opened, with whose events came what their messages are made of. They tell it as long as an announcement
-- has version 1; one that has moved on is told by the change that moved it. The rest, what waited for devices that brought something, and
-- what is announced again is for due_announcements, and so are tasks. "offset 0" keeps it a look-up of each change.
-- In: arrays (index, event, ref, of a case just opened the place of what came with it and who reported, else null). Event 0: a retained
--     topic is announced again although it was published before.
-- Out: as minqing.due_announcements: topic, ref, audience, scope, version, live, payload, traceparent, domain, severity, targets; opened: the
--     place of what came, from which payload, traceparent, domain, severity and the scope of a stream line are made.
select a.topic, i.ref, a.audience, a.scope, a.version, a.live, null as payload, null as traceparent, null as domain, null as severity,
       array_to_string(a.targets, ' ') as targets, i.opened
from unnest($3::uuid[], $4::integer[]) i (ref, opened)
cross join lateral (select n.*
                    from minqing.announcements n
                    where n.ref = i.ref and n.topic in (1, 2, 4) and n.version = 1 and n.published_version < 1 and not n.waiting
                    offset 0) a
where i.opened is not null and $1::integer[] is not null
union all
select 0, i.ref, '', '', 1, true, null, null, null, null, null, i.opened
from unnest($3::uuid[], $4::integer[]) i (ref, opened)
where i.opened is not null
union all
select d.*, null
from (select array_agg(i.event) filter (where i.opened is null) as events, array_agg(i.ref) filter (where i.opened is null) as refs,
             array_agg(distinct i.account) filter (where i.opened is not null) as heard
      from unnest($2::bigint[], $3::uuid[], $4::integer[], $5::text[]) i (event, ref, opened, account)) n
cross join lateral minqing.due_announcements(n.events, n.refs, n.heard) d
where n.events is not null or exists (select from minqing.announcements a where a.audience = any(n.heard) and a.waiting)
