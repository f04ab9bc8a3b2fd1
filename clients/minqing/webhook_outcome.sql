-- What became of a delivery. In: id. Out: state, HTTP status, error.
select d.state, d.status, d.error from minqing.deliveries d where d.id = $1::uuid
