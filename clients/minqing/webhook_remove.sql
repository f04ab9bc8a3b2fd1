-- Removes a webhook with its deliveries. In: name. Out: one row where it was known.
delete from minqing.webhooks where name = $1 returning name
