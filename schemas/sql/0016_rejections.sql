-- What is put aside is bounded: of one sender so many an hour, in all so many. What is not kept, or not any more, is counted.
set search_path = minqing, public;

create table rejection_counts (
    hour        timestamptz not null,
    service     text not null,
    sender      text not null,
    kept        bigint not null default 0,
    unkept      bigint not null default 0,
    erased      bigint not null default 0,
    primary key (hour, service, sender)
);
comment on table rejection_counts is 'Rejections by hour and sender: how many rejections has or had (kept), how many were refused without a row (unkept), how many rows of a service were erased in that hour because there were too many in all (erased; sender is empty). Kept for 400 days.';

-- The oldest rows above p_total go, a thousand at a time: it is called about as often as five hundred come.
create function trim_rejections(p_total bigint) returns void language sql
set search_path = minqing, pg_temp as
$$
    with gone as (
        delete from minqing.rejections
        where id in (select id from minqing.rejections where id <= (select max(id) from minqing.rejections) - p_total
                     order by id limit 1000 for update skip locked)
        returning service
    )
    insert into minqing.rejection_counts as c (hour, service, sender, erased)
    select date_trunc('hour', minqing.now()), service, '', count(*) from gone group by service order by service
    on conflict (hour, service, sender) do update set erased = c.erased + excluded.erased;

    delete from minqing.rejection_counts where hour < minqing.now() - interval '400 days';
$$;

-- Stores a batch of rejections, of each sender no more than the hour's limit leaves. Runs with its owner's rights, so that no service
-- can do more to the table than add to it.
-- In: arrays, one a column of rejections, with the sender by which it is counted; of the limits the first counts: rows of one sender an
--     hour, rows in all. Out: how many were not kept.
create function put_aside(p_service text[], p_sender text[], p_topic text[], p_bytes bytea[], p_size integer[], p_errors jsonb[],
                          p_an_hour integer[], p_in_all bigint[]) returns bigint language plpgsql security definer
set search_path = minqing, pg_temp as
$$
declare
    v_hour timestamptz := date_trunc('hour', minqing.now());
    v_sender record;
    v_before bigint;
    v_added bigint;
    v_unkept bigint := 0;
    v_last bigint;
    v_kept bigint := 0;
begin
    for v_sender in select service, sender, count(*) as n from unnest(p_service, p_sender) t (service, sender) group by 1, 2 order by 1, 2 loop
        -- the row is locked until the end: of two services that share a sender the second waits
        insert into minqing.rejection_counts as c (hour, service, sender)
        values (v_hour, v_sender.service, v_sender.sender)
        on conflict (hour, service, sender) do update set kept = c.kept
        returning c.kept into v_before;

        insert into minqing.rejections (at, service, topic, bytes, size, errors)
        select minqing.now(), t.service, t.topic, t.bytes, t.size, t.errors
        from unnest(p_service, p_sender, p_topic, p_bytes, p_size, p_errors) with ordinality
            as t (service, sender, topic, bytes, size, errors, n)
        where t.service = v_sender.service and t.sender = v_sender.sender
        order by t.n
        limit greatest(p_an_hour[1] - v_before, 0);
        get diagnostics v_added = row_count;

        update minqing.rejection_counts c
        set kept = c.kept + v_added, unkept = c.unkept + v_sender.n - v_added
        where c.hour = v_hour and c.service = v_sender.service and c.sender = v_sender.sender;
        v_kept := v_kept + v_added;
        v_unkept := v_unkept + v_sender.n - v_added;
    end loop;

    if v_kept > 0 then
        select max(id) into v_last from minqing.rejections;
        if v_last / 500 > (v_last - v_kept) / 500 then
            perform minqing.trim_rejections(p_in_all[1]);
        end if;
    end if;
    return v_unkept;
end
$$;

revoke execute on function put_aside(text[], text[], text[], bytea[], integer[], jsonb[], integer[], bigint[]), trim_rejections(bigint) from public;
grant execute on function put_aside(text[], text[], text[], bytea[], integer[], jsonb[], integer[], bigint[])
    to minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier, minqing_query, minqing_webhook;
revoke insert on rejections from minqing_ingest, minqing_classifier, minqing_dispatcher, minqing_notifier, minqing_query, minqing_webhook;
grant select on rejection_counts to minqing_reader, minqing_test;
