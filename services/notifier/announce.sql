-- What is to be published about the given changes, from the present state.
-- In: arrays (index, event, ref). Event 0: a retained topic is announced again although it was published before.
-- Out: as minqing.due_announcements: topic, ref, audience, scope, version, live, payload, traceparent, domain, severity, text.
select d.* from minqing.due_announcements($2::bigint[], $3::uuid[]) d where $1::integer[] is not null
