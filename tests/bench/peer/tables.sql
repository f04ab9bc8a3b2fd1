-- Tables of the peers: the columns of minqing's own, with the keys and the few indexes that a service of this kind needs.
-- In: minqing's tables. Out: schema peer, and peer.clear().
create schema peer;

do $$
declare
    t record;
begin
    for t in values ('reports', 'id'), ('classifications', 'report'), ('reviews', 'report'), ('cases', 'id'), ('case_reports', 'report'),
                    ('assignments', '"case", department'), ('case_events', 'id'), ('announcements', 'ref, topic, audience, scope'),
                    ('timers', '"case", chain') loop
        execute format('create table peer.%1$s (like minqing.%1$s including defaults including identity); alter table peer.%1$s add primary key (%2$s)', t.column1, t.column2);
    end loop;
end
$$;
create index on peer.reports (received_at);
create index on peer.case_events (ref, id);
create index on peer.case_reports ("case");
create index on peer.timers (due_at);

create function peer.clear() returns void language sql as
$$
    truncate peer.reports, peer.classifications, peer.reviews, peer.cases, peer.case_reports, peer.assignments, peer.case_events, peer.announcements,
        peer.timers
$$;
