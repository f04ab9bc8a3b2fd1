-- Gives an account another password. In: account, its hash. Out: one row where it is known.
update minqing.accounts set password_hash = $2 where account = $1 returning account
