-- Events that a webhook wants and that it has no delivery of.
-- In: position, end (transaction ids), limit. Out: the element as the dispatcher passes it on, and its position, in order.
select minqing.dispatched_element(x.event, x.ref, '') as element, x.xid::text as position
from (
    -- xid not distinct by itself: all rows of one event have the same
    select distinct v.xid, v.event, v.ref
    from minqing.v_wanted v
    where v.xid >= $1::text::xid8 and v.xid < $2::text::xid8
      and not exists (select from minqing.deliveries d where d.event = v.event and d.webhook = v.webhook)
      -- without webhooks there is nothing to look for in the history
      and exists (select from minqing.webhooks w where w.enabled)
    order by v.xid
    limit $3::integer
) x
order by x.xid
