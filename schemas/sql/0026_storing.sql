-- What storing reports and classifications cost more than it guarded: references that the storing statement looks up itself, each a query
-- and a lock on the row referred to; and an index of which another is the beginning. Where something is, at half the cost.
set search_path = minqing, public;

-- Checked by store_classifications, placements and store_reports in the statement that writes. Neither reports, kinds nor accounts are
-- ever deleted. A report's row was locked by its classification, its case and its receipt at once, an officer's by each of his reports.
alter table classifications drop constraint classifications_report_fkey, drop constraint classifications_kind_fkey;
alter table case_reports drop constraint case_reports_report_fkey;
alter table reports drop constraint reports_account_fkey;

-- A classification of a kind that is in no catalogue is refused as the reference was: put aside, and said.
create function known_kind(p_kind text, p_known text) returns text language plpgsql immutable as
$$
begin
    if p_kind <> coalesce(p_known, '') then
        raise exception 'kind % is not in the catalogue', p_kind using errcode = 'foreign_key_violation';
    end if;
    return p_kind;
end
$$;

-- The very element that ingest passes on and the classifier's backlog brings again. Only the text needs JSON's care: domain and kind are
-- words of the catalogue.
create function received_element(p_id uuid, p_text text, p_traceparent text, p_domain text, p_kind text, p_severity smallint) returns text
language sql stable as
$$
    select '{"v":1,"id":"' || p_id || '","text":' || to_json(p_text) || ',"traceparent":"' || p_traceparent || '"'
           || coalesce(',"domain":"' || p_domain || '"', '') || coalesce(',"kind":"' || p_kind || '"', '')
           || coalesce(',"severity":' || p_severity, '') || '}'
$$;
create or replace function received_element(r reports) returns text language sql stable as
$$ select minqing.received_element(r.id, r.text, r.traceparent, r.domain, r.kind, r.severity) $$;

-- The village around a point is found among the frames of all villages, which cost half of what their outlines do to look through.
create index areas_box on areas using gist ((polygon::box)) where level = 'village';
create or replace function place_of(p_area text, p_lat float8, p_lon float8, p_home text)
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
        -- "is true" leaves the choice to the frames
        select v.code
        from minqing.areas v
        where v.level = 'village' and p_lat is not null and v.polygon::box @> box(point(p_lon, p_lat))
          and st_covers(v.polygon, here.point) is true
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

-- A device's reports in a case, and its cases: one index for both.
create index case_reports_of on case_reports (account, "case", added_at);
drop index case_reports_account, case_reports_device;

revoke execute on all functions in schema minqing from public;
grant execute on function known_kind(text, text) to minqing_classifier;
grant execute on function received_element(uuid, text, text, text, text, smallint) to minqing_ingest, minqing_classifier;
