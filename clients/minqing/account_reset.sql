-- Gives an account another password. The session of its device at the broker is known by a name that follows from the password: what
-- waits there is never fetched. So open tasks, and where the device's cases stand, wait to be told again when it is next heard from.
-- In: account, its hash. Out: one row where it is known.
with changed as (
    update minqing.accounts set password_hash = $2 where account = $1 returning account
),
again as (
    update minqing.announcements a
    set published_version = least(a.published_version, a.version - 1), waiting = true, tries = 0
    from changed x
    where a.audience = x.account and a.live
      and ((a.topic = 5 and exists (
                select from minqing.tasks t
                where t.id::text = a.scope and t.state in ('called', 'acknowledged', 'arrived')))
        or (a.topic = 4 and exists (
                select from minqing.cases c where c.id = a.ref and c.state not in ('closed', 'refused', 'merged'))))
)
select account from changed
