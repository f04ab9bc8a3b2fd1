-- What looking for a case to join reads: a narrow table of the open cases, on a flat map where the distance of two points costs next to
-- nothing, kept in step with cases by a trigger whoever changes them. And what cost each report more than it guarded: references to
-- tables of names, from which nothing is ever deleted, and indexes that this table replaces.
set search_path = minqing, public;

-- The flat map ------------------------------------------------------------------------------------------------------

-- Mercator's map of a place, in metres at the equator: x to the east, y to the north.
create function flat(p geography) returns point language sql immutable parallel safe as
$$
    select point(6378137 * radians(st_x(p::geometry)), 6378137 * ln(tan(pi() / 4 + radians(least(greatest(st_y(p::geometry), -89), 89)) / 2)))
$$;
comment on function flat is 'At the scale of joining (some kilometres) a distance on it, divided by stretch(), is off by less than 1 %. Not strict: only so is it inlined.';

-- How much longer a metre is on the map than on the ground around a point of the map.
create function stretch(p point) returns float8 language sql immutable strict parallel safe as
$$ select cosh(p[1] / 6378137) $$;

-- How far to the east the map of a domain lies: the maps lie side by side, so that one index finds the nearest of one domain.
create function shift_of(p_domain text) returns float8 language plpgsql stable strict as
$$ begin return (select d.position * 1e8 from minqing.domains d where d.code = p_domain); end $$;

create function square(p_middle point, p_reach float8) returns box language sql immutable strict parallel safe as
$$ select box(p_middle - point(p_reach, p_reach), p_middle + point(p_reach, p_reach)) $$;

-- Open cases --------------------------------------------------------------------------------------------------------

create table joinable (
    "case"        uuid primary key,
    town          text not null,
    village       text not null,
    domain        text not null,
    kind          text,
    severity      smallint not null,
    restricted    boolean not null,
    touching      boolean not null,
    place         point,
    spot          point,
    opened_at     timestamptz not null,
    observed_from timestamptz not null,
    observed_to   timestamptz not null,
    words         integer[] not null
) with (fillfactor = 60);
comment on table joinable is 'The open cases, as reports look for one to join: one row each while the case is open.';
comment on column joinable.touching is 'Nobody has signed for it, it is not critical, and it touches other domains: a critical case that opens may take it in.';
comment on column joinable.place is 'On the flat map; null where only the area is known.';
comment on column joinable.spot is 'The same on the map of its domain.';
comment on column joinable.observed_from is 'Between observed_from and observed_to its reports were seen, by the field''s time but no later than received.';
comment on column joinable.words is 'Words (classifications.words) of its reports, the first some hundred: what other reports are compared with.';
create index joinable_spot on joinable using spgist (spot);
create index joinable_latest on joinable (town, domain, opened_at);
create index joinable_unplaced on joinable (town, domain, opened_at) where place is null;
create index joinable_critical on joinable using spgist (place) where severity = 4;
create index joinable_critical_town on joinable (town, opened_at) where severity = 4;
create index joinable_touching on joinable using spgist (place) where touching;

-- The outline of a village on the flat map, for what is known to be in it and no nearer.
alter table areas add column outline polygon generated always as (st_transform(polygon, 3857)::polygon) stored;

create function is_open(p_state text) returns boolean language sql immutable parallel safe as
$$ select p_state in ('assigned', 'signed', 'in_progress', 'suspended') $$;

create function is_touching(c cases) returns boolean language sql immutable as
$$ select c.state = 'assigned' and c.severity < 4 and c.also <> '{}' $$;

-- Makes the rows of open cases anew from their reports.
create function make_joinable(p_cases uuid[]) returns void language plpgsql as
$$
begin
    insert into minqing.joinable as j ("case", town, village, domain, kind, severity, restricted, touching, place, spot, opened_at, observed_from,
                                       observed_to, words)
    select c.id, c.town, left(c.area, 12), c.domain, c.kind, c.severity, c.restricted, minqing.is_touching(c), minqing.flat(c.location),
           minqing.flat(c.location) + point(minqing.shift_of(c.domain), 0), c.opened_at, coalesce(s.first, c.opened_at), coalesce(s.last, c.opened_at),
           coalesce((select public.uniq(public.sort(array_agg(w)))
                     from (select m.report from minqing.case_reports m where m."case" = c.id order by m.added_at limit 15) f
                     join minqing.classifications k on k.report = f.report
                     cross join lateral unnest(k.words) w), '{}')
    from minqing.cases c
    left join lateral (select min(least(r.observed_at, r.received_at)) as first, max(least(r.observed_at, r.received_at)) as last
                       from minqing.case_reports m join minqing.reports r on r.id = m.report
                       where m."case" = c.id) s on true
    where c.id = any(p_cases) and minqing.is_open(c.state)
    on conflict ("case") do nothing;
end
$$;

create function keep_joinable() returns trigger language plpgsql as
$$
begin
    if not minqing.is_open(new.state) then
        delete from minqing.joinable j where j."case" = new.id;
        return null;
    end if;
    update minqing.joinable j
    set town = new.town, village = left(new.area, 12), domain = new.domain, kind = new.kind, severity = new.severity, restricted = new.restricted,
        touching = minqing.is_touching(new), place = minqing.flat(new.location),
        spot = minqing.flat(new.location) + point(minqing.shift_of(new.domain), 0)
    where j."case" = new.id;
    if not found then
        perform minqing.make_joinable(array[new.id]);
    end if;
    return null;
end
$$;

-- The rows of cases that are there already, with what cases kept of this until now.
insert into joinable ("case", town, village, domain, kind, severity, restricted, touching, place, spot, opened_at, observed_from, observed_to, words)
select c.id, c.town, left(c.area, 12), c.domain, c.kind, c.severity, c.restricted, is_touching(c), flat(c.location),
       flat(c.location) + point(shift_of(c.domain), 0), c.opened_at, c.observed_from, c.observed_to, c.words
from cases c
where is_open(c.state);

drop index cases_place, cases_critical, cases_critical_town, cases_open, cases_unplaced, cases_touching;
-- Nothing looks for cases by their deadline: the clock goes by timers.
drop index cases_handle_by;
alter table cases drop column words, drop column observed_from, drop column observed_to;
create trigger keep_joinable after update of state, domain, kind, severity, restricted, also, area, location on cases
    for each row
    when ((old.state, old.domain, old.kind, old.severity, old.restricted, old.also, old.area, old.location)
          is distinct from (new.state, new.domain, new.kind, new.severity, new.restricted, new.also, new.area, new.location))
    execute function keep_joinable();

-- Waiting reviews -----------------------------------------------------------------------------------------------------

alter table reviews add column place point;
comment on column reviews.place is 'Its location on the flat map.';
update reviews set place = flat(location) where state = 'waiting';
drop index reviews_place;
create index reviews_place on reviews using spgist (place) where state = 'waiting';
create index reviews_unplaced on reviews (town, opened_at) where state = 'waiting' and place is null;

-- References --------------------------------------------------------------------------------------------------------

-- Domains, kinds, departments and areas are loaded from the reference files, which only add and change; what names them was looked up in
-- them in the same statement, but for a classification's kind, which a message says. Checking again at each row, 14 times a report, cost
-- more than storing it, and locked the one row of a domain for everybody.
alter table reports drop constraint reports_domain_fkey, drop constraint reports_kind_fkey, drop constraint reports_area_fkey;
alter table classifications drop constraint classifications_domain_fkey, drop constraint classifications_model_domain_fkey,
    drop constraint classifications_model_kind_fkey;
alter table cases drop constraint cases_domain_fkey, drop constraint cases_kind_fkey, drop constraint cases_area_fkey,
    drop constraint cases_lead_fkey, drop constraint cases_first_report_fkey;
alter table assignments drop constraint assignments_department_fkey;
-- A case's rows are written in the transaction that opens it, and cases are never deleted but by retention, which takes all of them.
alter table assignments drop constraint assignments_case_fkey;
alter table case_reports drop constraint case_reports_case_fkey;
alter table timers drop constraint timers_case_fkey;
alter table case_events drop constraint case_events_case_fkey, drop constraint case_events_report_fkey;
alter table report_index drop constraint report_index_report_fkey;

-- The history of a case ------------------------------------------------------------------------------------------------

-- Did this person handle the case? Who did never verifies or closes it. By ref, which every event of a case has as its case: one index
-- less to keep at each event.
create or replace function has_handled(p_case uuid, p_account text) returns boolean language plpgsql stable as
$$
begin
    return exists (
        select from minqing.case_events e
        where e.ref = p_case and e."case" is not null
          and e.person = (select a.person from minqing.accounts a where a.account = p_account)
          and (e.actor in ('lead', 'supporting') and e.what in ('signed', 'part_signed', 'progress', 'part_progress', 'resolved', 'part_resolved')
               or e.what in ('arrived', 'task_done') and e.data ->> 'kind' = 'mobilise'));
end
$$;
drop index case_events_case;

-- Rights ------------------------------------------------------------------------------------------------------------

grant select, insert, update, delete on joinable to minqing_dispatcher;
grant select on joinable to minqing_reader, minqing_test;

-- As in 0005: whatever a plan was made from, rows are looked up by key. A bitmap would fetch all that lie near before the nearest are taken.
do
$$
declare
    name text;
begin
    foreach name in array array['minqing_ingest', 'minqing_classifier', 'minqing_dispatcher', 'minqing_notifier', 'minqing_webhook'] loop
        execute format('alter role %I set enable_bitmapscan = off', name);
    end loop;
end
$$;
