-- Dispatched reports that are not in the search index.
-- In: position, end (transaction ids), limit. Out: the element as the dispatcher passes it on, and its position, in order.
select u.element, u.position from minqing.unindexed_elements($1::text, $2::text, $3::integer) u
