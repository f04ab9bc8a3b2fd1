-- What the broker's files are written from: the accounts that may connect.
-- Out: account, password_hash, role, area, department.
select account, password_hash, role, area, department
from minqing.accounts
where not locked
order by account
