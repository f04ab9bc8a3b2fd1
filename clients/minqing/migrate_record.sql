-- Writes down that a file was applied. In: number, name, sha256.
insert into minqing.schema_migrations (number, name, sha256) values ($1::integer, $2, $3)
