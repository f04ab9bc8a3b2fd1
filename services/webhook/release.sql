-- Gives back what was leased and not finished: this instance ends. In: arrays (delivery, attempt).
update minqing.deliveries d
set leased_until = null
from unnest($1::uuid[], $2::integer[]) as i (id, attempt)
where d.id = i.id and d.attempt = i.attempt and d.state = 'waiting'
