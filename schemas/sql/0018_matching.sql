-- Which reports are of the same thing: takes the place of the first half of 0008. A report joins the open case of its town that fits by
-- place, time, domain and, where the rule wants it, words.
set search_path = minqing, public;

drop function placements(uuid[], uuid[], text[], text[], smallint[], text[], boolean);
drop function matching_cases(placement[]);
drop function cluster(placement[]);
drop function open_cases(placement[], text, uuid, jsonb);
drop function join_cases(placement[], uuid[], text, uuid);
drop function place_reports(placement[], text, uuid);
drop function dispatch(uuid[], uuid[]);
drop type placement;

-- A report that is to become a case or join one. sure: its domain is decided; else domain is the likeliest and hints are what else it
-- may be about. location: where it was seen, give or take accuracy metres, null where only its area is known (place_given: the area was
-- said by the officer); place: the same on the flat map, spot on the map of its domain, where a metre is stretched. reach, within,
-- overlap: how far the widest rule of its domain goes in metres and time, and how little likeness of words the laxest wants.
create type placement as (
    report uuid, "case" uuid, domain text, kind text, severity smallint, hints text[], sure boolean,
    account text, area text, town text, location geography, accuracy float8, place_given boolean, at timestamptz,
    restricted boolean, words integer[], has_subject boolean, disagrees boolean, traceparent text,
    place point, spot point, stretch float8, reach float8, within interval, overlap real
);

create function placements(p_reports uuid[], p_cases uuid[], p_domains text[], p_kinds text[], p_severities smallint[], p_hints text[], p_sure boolean)
returns setof placement language plpgsql stable set enable_hashjoin = on as
$$
begin
    return query
    with input as materialized (
        -- a report that no domain fits has no key
        select i.*, coalesce(minqing.join_key(i.domain, i.kind, i.severity), '') as key
        from unnest(p_reports, p_cases, p_domains, p_kinds, p_severities, p_hints) as i (report, "case", domain, kind, severity, hints)
    ),
    -- of the few keys of a batch
    keys as materialized (
        select k.key, k.domain, minqing.shift_of(k.domain) as shift, max(j.metres) as metres, make_interval(mins => max(j.minutes)) as within,
               min(j.overlap) as overlap
        from (select distinct i.key, i.domain from input i) k
        left join minqing.join_rules j on j.mine = k.key
        group by k.key, k.domain
    )
    select i.report, i."case", i.domain, i.kind, i.severity, coalesce(string_to_array(nullif(i.hints, ''), ','), '{}'), p_sure,
           r.account, r.area, r.town, r.location, f.accuracy, r.area_from <> 'home', least(r.observed_at, r.received_at),
           coalesce(k.restricted, (select d.restricted from minqing.routes d where d.domain = i.domain and d.kind is null and d.area = '' and d.severity is null),
                    false),
           coalesce(c.words, '{}'), r.subject_key is not null, coalesce(c.disagrees, false), r.traceparent,
           f.place, f.place + point(e.shift, 0), minqing.stretch(f.place), f.accuracy + coalesce(e.metres, 0), e.within, e.overlap
    from input i
    join minqing.reports r on r.id = i.report
    -- a fix that is off by more says next to nothing
    cross join lateral (select least(coalesce((r.location_given ->> 'accuracy_m')::float8, 0), 500) as accuracy, minqing.flat(r.location) as place offset 0) f
    join keys e on e.key = i.key
    left join minqing.kinds k on k.code = i.kind
    left join minqing.classifications c on c.report = i.report
    where not exists (select from minqing.case_reports m where m.report = i.report);
end
$$;

-- The best open case for each report, null for one that has none; parallel to the placements. Candidates come through indexes alone: the
-- nearest cases of its domain; those of its domain without a place; where it has no place itself, the latest of its domain and town; and
-- critical cases of other domains, which it may touch (hints), or whose words an unsure one speaks. Most reports need only the first two,
-- and get a statement of their own.
create function matching_cases(p placement[]) returns uuid[] language plpgsql stable as
$$
declare
    targets uuid[];
    others boolean;
    widest integer;
    found record;
begin
    -- what somebody is sure of, that touches nothing else and whose place is known: most reports, and only cases of their domain are theirs
    select array_agg(best."case" order by best.n), bool_or(best.other) into targets, others
    from (
        select i.ordinality as n, not (i.sure and i.hints = '{}' and i.place is not null) as other, f."case"
        from unnest(p) with ordinality as i
        left join lateral (
            select c."case"
            from (
                (select u.*
                 from minqing.joinable u
                 where i.sure and i.hints = '{}' and u.spot <@ minqing.square(i.spot, i.reach * i.stretch)
                 order by u.spot <-> i.spot
                 limit 20)
                union all
                (select u.*
                 from minqing.joinable u
                 where i.sure and i.hints = '{}' and i.place is not null and u.town = i.town and u.domain = i.domain and u.place is null
                 order by u.opened_at desc
                 limit 20)
                offset 0
            ) c
            join minqing.join_rules j on j.mine = minqing.join_key(i.domain, i.kind, i.severity) and j.other = minqing.join_key(c.domain, c.kind, c.severity)
            where c.town = i.town
              and c.restricted = i.restricted
              -- most candidates fail here, before their rule is looked up
              and i.at between c.observed_from - i.within and c.observed_to + i.within
              and (i.overlap = 0 or (c.village = left(i.area, 12) or c.place is not null) and minqing.covered(i.words, c.words) >= i.overlap)
              and i.at between c.observed_from - make_interval(mins => j.minutes) and c.observed_to + make_interval(mins => j.minutes)
              and case
                      when c.place is not null then c.place <-> i.place <= (j.metres + i.accuracy) * i.stretch
                      when c.village = left(i.area, 12) then true
                      -- where place and time suffice, an unknown place is no other place
                      else j.overlap = 0 and not i.place_given
                  end
              and (j.overlap = 0 or minqing.covered(i.words, c.words) >= j.overlap)
            order by c.kind is not distinct from i.kind desc, c.place <-> i.place nulls last, c.opened_at desc
            limit 1
        ) f on true
    ) best;
    if not others then
        return targets;
    end if;
    widest := (select max(k.join_metres) from minqing.kinds k where k.severity = 4);

    for found in
        select i.ordinality as n, f."case"
        from unnest(p) with ordinality as i
        cross join lateral (
            select c."case"
            from (
                (select u.*, true as own
                 from minqing.joinable u
                 where u.spot <@ minqing.square(i.spot, i.reach * i.stretch)
                 order by u.spot <-> i.spot
                 limit 20)
                union all
                (select u.*, true
                 from minqing.joinable u
                 where i.place is not null and u.town = i.town and u.domain = i.domain and u.place is null
                 order by u.opened_at desc
                 limit 20)
                union all
                (select u.*, true
                 from minqing.joinable u
                 where i.place is null and u.town = i.town and u.domain = i.domain
                 order by u.opened_at desc
                 limit 20)
                union all
                select k.*, false
                from (select u.*
                      from minqing.joinable u
                      where (i.hints <> '{}' or not i.sure) and u.severity = 4
                        and u.place <@ minqing.square(i.place, (widest + i.accuracy) * i.stretch)
                      order by u.place <-> i.place
                      limit 30) k
                where k.domain is distinct from i.domain and (k.domain = any(i.hints) or not i.sure and minqing.covered(i.words, k.words) >= 0.35)
                union all
                select k.*, false
                from (select u.*
                      from minqing.joinable u
                      where i.place is null and (i.hints <> '{}' or not i.sure) and u.town = i.town and u.severity = 4
                      order by u.opened_at desc
                      limit 30) k
                where k.domain is distinct from i.domain and (k.domain = any(i.hints) or not i.sure and minqing.covered(i.words, k.words) >= 0.35)
            ) c
            join minqing.join_rules j
              -- what only touches the case's domain, or may be of it, goes by the case's own urgency
              on j.mine = case when i.sure and c.own then minqing.join_key(i.domain, i.kind, i.severity)
                               else minqing.join_key(c.domain, null, c.severity) end
                 and j.other = minqing.join_key(c.domain, c.kind, c.severity)
            where c.town = i.town
              and c.restricted = i.restricted
              -- most candidates fail here, before their rule is looked up
              and (not i.sure or not c.own
                   or i.at between c.observed_from - i.within and c.observed_to + i.within
                      and (i.overlap = 0
                           or (c.village = left(i.area, 12) or c.place is not null and i.place is not null)
                              and minqing.covered(i.words, c.words) >= i.overlap))
              and i.at between c.observed_from - make_interval(mins => j.minutes) and c.observed_to + make_interval(mins => j.minutes)
              and case
                      when c.place is not null and i.place is not null then c.place <-> i.place <= (j.metres + i.accuracy) * i.stretch
                      when c.village = left(i.area, 12) then true
                      -- where place and time suffice, an unknown place is no other place
                      when j.overlap > 0 then false
                      when not i.place_given then true
                      else exists (select from minqing.areas v
                                   where v.code = left(i.area, 12) and v.outline <-> c.place <= j.metres * minqing.stretch(c.place))
                  end
              and (j.overlap = 0 or minqing.covered(i.words, c.words) >= j.overlap)
            order by c.own desc, c.kind is not distinct from i.kind desc, c.place <-> i.place nulls last, c.opened_at desc
            limit 1
        ) f
        where not (i.sure and i.hints = '{}' and i.place is not null)
    loop
        targets[found.n] := found."case";
    end loop;
    return targets;
end
$$;

-- Reports of one batch that fit each other. Out: for each the index of the first of its cluster, its own where it stands alone.
-- Everyone is compared with first ones only, as later reports are with cases: a chain of neighbours does not make two fires one.
create function cluster(p placement[]) returns integer[] language plpgsql stable set enable_hashjoin = on as
$$
declare
    n integer := cardinality(p);
    leaders integer[] := array(select generate_series(1, n));
    pair record;
begin
    if n < 2 then
        return leaders;
    end if;
    for pair in
        with numbered as materialized (
            select i.*, row_number() over ()::integer as n, minqing.join_key(i.domain, i.kind, i.severity) as key from unnest(p) i
        )
        select a.n as first, b.n as second
        from numbered a
        join numbered b on b.town = a.town and b.domain = a.domain and b.n > a.n and b.restricted = a.restricted
        join minqing.join_rules j on j.mine = b.key and j.other = a.key
        where b.at between a.at - b.within and a.at + b.within
          and coalesce(a.spot <-> b.spot <= (b.reach + b.accuracy) * b.stretch, true)
          and (b.overlap = 0 or minqing.likeness(a.words, b.words) >= b.overlap)
          and abs(extract(epoch from b.at - a.at)) <= j.minutes * 60
          and case when a.place is not null and b.place is not null then a.place <-> b.place <= (j.metres + b.accuracy) * b.stretch
                   when left(a.area, 12) = left(b.area, 12) then true
                   else j.overlap = 0 and not (a.place_given and b.place_given) end
          and (j.overlap = 0 or minqing.likeness(a.words, b.words) >= j.overlap)
        order by second, first
    loop
        -- pairs come in order, so that the first one's place is settled before it leads
        if leaders[pair.second] = pair.second and leaders[pair.first] = pair.first then
            leaders[pair.second] := pair.first;
        end if;
    end loop;
    return leaders;
end
$$;
