-- Answers and visits: what ingest needs to take them, and what it shares between reports, visits and answers.
-- The functions are single selects in SQL without side effects, so that the planner puts them into the statement that calls them.
set search_path = minqing, public;

-- Why this account may not send what it sent; null: it may. `p_role` and `p_area` are what the topic demands (area null: a device's
-- own topic), the others what the table accounts says (all null: no such account).
create function sender_fault(p_account text, p_role text, p_area text, its_role text, its_area text, its_locked boolean) returns text
language sql immutable as
$$
    select case
        when its_role is distinct from p_role then
            'account ' || p_account || ' is not a ' || case p_role when 'device' then 'device' else 'command centre''s' end
        when its_locked then 'account ' || p_account || ' is locked: ask the town''s command centre'
        when p_area not like its_area || '%' then 'account ' || p_account || ' does not serve area ' || p_area
    end
$$;

-- Where something is: the area that was given, else the village around the point, else the nearest within 5 km, else the device's
-- home. Null area: the one given is not known. Conflict: the area given is not the village where the point lies.
create function place_of(p_area text, p_lat float8, p_lon float8, p_home text)
returns table (area text, area_from text, conflict boolean, point geometry) language sql stable as
$$
    select case when p_area is not null then given.code else coalesce(inside.code, nearest.code, p_home) end,
           case when p_area is not null then 'given' when inside.code is not null then 'polygon'
                when nearest.code is not null then 'nearest' else 'home' end,
           coalesce(left(given.code, 12) <> coalesce(inside.code, nearest.code), false),
           here.point
    from (select st_setsrid(st_makepoint(p_lon, p_lat), 4326) as point) here
    left join minqing.areas given on given.code = p_area
    left join lateral (
        select v.code
        from minqing.areas v
        where v.level = 'village' and p_lat is not null and st_covers(v.polygon, here.point)
        order by v.code
        limit 1
    ) inside on true
    left join lateral (
        -- by plane distance first, which the index knows; the 5 km are measured on the globe
        select v.code
        from (select w.code, w.polygon
              from minqing.areas w
              where w.level = 'village' and p_lat is not null and inside.code is null and w.polygon is not null
              order by w.polygon <-> here.point
              limit 1) v
        where st_dwithin(v.polygon::geography, here.point::geography, 5000)
    ) nearest on true
$$;

-- The very element that ingest passes on to the dispatcher, and the dispatcher's backlog brings again.
create function answered_element(p_id uuid, p_what text, p_traceparent text) returns text language sql immutable as
$$ select '{"v":1,"id":"' || p_id || '","what":"' || p_what || '","traceparent":"' || p_traceparent || '"}' $$;

revoke execute on function minqing.sender_fault(text, text, text, text, text, boolean), minqing.place_of(text, float8, float8, text),
    minqing.answered_element(uuid, text, text) from public;
grant execute on function minqing.sender_fault(text, text, text, text, text, boolean), minqing.place_of(text, float8, float8, text)
    to minqing_ingest;
grant execute on function minqing.answered_element(uuid, text, text) to minqing_ingest, minqing_dispatcher;
grant select, insert on minqing.answers, minqing.visits to minqing_ingest;
grant select on minqing.answers to minqing_reader;
grant select (id, account, person, received_at, observed_at, area, town, area_from, area_conflict, location, location_given, text, masked,
    service, masked_service, task, attachments, subject_key, payload_sha256, extra, traceparent, xid) on minqing.visits to minqing_reader;
grant select on minqing.answers, minqing.visits to minqing_test;
