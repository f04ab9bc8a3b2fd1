-- Where it is written down which files were applied; before the first of them, which grants rights on it.
create schema if not exists minqing;
create table if not exists minqing.schema_migrations (
    number     integer primary key,
    name       text,
    sha256     text not null,
    applied_at timestamptz default now()
);
