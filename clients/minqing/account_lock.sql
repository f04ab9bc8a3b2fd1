-- Turns an account off or on. In: account, locked. Out: one row where it is known.
update minqing.accounts set locked = $2::boolean where account = $1 returning account
