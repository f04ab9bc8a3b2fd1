-- The bound of the database: the rows of a run stored once more, batch by batch, into tables like those they are in, from tables beside.
-- In: the tables after a run of minqing. Out: bench.prepare_rows() (how many reports there are), bench.store_rows(size) (a commit a batch).

create table bench.tables (name text primary key, key text not null, by_report boolean not null);
insert into bench.tables values
    ('reports', 'id', true), ('classifications', 'report', true), ('reviews', 'report', true), ('case_reports', 'report', true),
    ('report_index', 'report', true), ('case_events', 'report', true),
    ('cases', 'id', false), ('assignments', '"case"', false), ('timers', '"case"', false), ('announcements', 'ref', false);

-- Copies of the rows, numbered by the report that they were written for, and empty tables with the same columns and indexes.
create function bench.prepare_rows() returns bigint language plpgsql as
$$
declare
    t record;
begin
    drop table if exists bench.numbered;
    create table bench.numbered as
    select row_number() over (order by r.xid, r.id)::integer as n, r.id as report, coalesce(e.ref, r.id) as ref
    from minqing.reports r
    left join minqing.case_events e on e.report = r.id and e.what in ('opened', 'review');
    for t in select * from bench.tables loop
        execute format('drop table if exists bench.from_%1$s; drop table if exists bench.to_%1$s', t.name);
        execute format('create table bench.from_%1$s as select x.*, b.n as bench_n from minqing.%1$s x join bench.numbered b on b.%3$s = x.%2$s order by b.n',
                       t.name, t.key, case when t.by_report then 'report' else 'ref' end);
        execute format('create index on bench.from_%s (bench_n)', t.name);
        execute format('create table bench.to_%1$s (like minqing.%1$s including all)', t.name);
        execute format('alter table bench.to_%s add column bench_n integer', t.name);
    end loop;
    return (select count(*) from bench.numbered);
end
$$;

create procedure bench.store_rows(p_size integer) language plpgsql as
$$
declare
    last integer := (select max(n) from bench.numbered);
    names text[] := array(select name from bench.tables order by name);
    name text;
begin
    for start in 1 .. last by p_size loop
        foreach name in array names loop
            execute format('insert into bench.to_%1$s overriding system value select * from bench.from_%1$s f where f.bench_n >= $1 and f.bench_n < $1 + $2',
                           name) using start, p_size;
        end loop;
        commit;
    end loop;
end
$$;
