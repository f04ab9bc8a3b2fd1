-- The newest sealed value of each key, to see whether the key file can open them.
-- Out: id of the report, key's id, the sealed bytes in hexadecimal.
select distinct on (r.subject_key) r.id, r.subject_key, encode(r.subject, 'hex')
from minqing.reports r
where r.subject is not null
order by r.subject_key, r.received_at desc
