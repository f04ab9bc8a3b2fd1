-- What several statements share: the clock, masking, working time, the stage elements, payloads.
-- Functions that read tables are in plpgsql, which keeps their plans for the session; SQL functions are planned again by every
-- statement that calls them, which at a few rows a batch costs more than the work. Those without tables are inlined.
set search_path = minqing, public;

create function now() returns timestamptz language plpgsql stable parallel safe as
$$ begin return statement_timestamp() + (select moved from minqing.clock_offset); end $$;
comment on function now is 'The time that all SQL uses.';

-- Local calendar of the county, whatever the session's time zone.
create function local_time_of(at timestamptz) returns timestamp language sql immutable parallel safe as
$$ select at at time zone 'Asia/Shanghai' $$;

create function wire_time(at timestamptz) returns text language sql stable parallel safe as
$$ select to_char(at at time zone 'Asia/Shanghai', 'YYYY-MM-DD"T"HH24:MI:SS.MS') || '+08:00' $$;
comment on function wire_time is 'RFC 3339 with the county''s offset.';

create function is_working(p_day date) returns boolean language plpgsql stable as
$$ begin return coalesce((select c.working from minqing.calendar c where c.day = p_day), extract(isodow from p_day) < 6); end $$;

-- When `minutes` of the given clock have passed since `start`.
create function deadline(start timestamptz, minutes integer, clock text) returns timestamptz language plpgsql stable as
$$
declare
    remaining interval := make_interval(mins => minutes);
    cursor_at timestamp := minqing.local_time_of(start);
    day date;
    opens time;
    closes time;
    room interval;
begin
    if clock = 'hours' then
        return start + remaining;
    end if;
    for tries in 1..4000 loop
        day := cursor_at::date;
        if minqing.is_working(day) then
            for opens, closes in select w.starts, w.ends from minqing.working_day w order by w.starts loop
                if cursor_at < day + closes then
                    cursor_at := greatest(cursor_at, day + opens);
                    room := (day + closes) - cursor_at;
                    if room >= remaining then
                        return (cursor_at + remaining) at time zone 'Asia/Shanghai';
                    end if;
                    remaining := remaining - room;
                    cursor_at := day + closes;
                end if;
            end loop;
        end if;
        cursor_at := day + 1;
    end loop;
    raise exception 'no working time found in 4000 days after %: check tables calendar and working_day', start;
end
$$;
comment on function deadline is 'Clock hours: simply later. Working hours: only the hours of working_day on working days count.';

-- The very element that ingest passes on and the classifier's backlog brings again.
create function received_element(r reports) returns text language sql stable as
$$
    select json_strip_nulls(json_build_object('v', 1, 'id', r.id, 'text', r.text, 'traceparent', r.traceparent,
                                              'domain', r.domain, 'kind', r.kind, 'severity', r.severity))::text
$$;

create function classified_element(report uuid, traceparent text) returns text language sql immutable as
$$ select '{"v":1,"id":"' || report || '","traceparent":"' || traceparent || '"}' $$;

create function dispatched_element(event bigint, ref uuid, traceparent text) returns text language sql immutable as
$$ select '{"v":1,"event":' || event || ',"ref":"' || ref || '"' || coalesce(',"traceparent":"' || nullif(traceparent, '') || '"', '') || '}' $$;

-- What everybody but the desks of a restricted case may read of a report.
create function shown_text(r reports) returns text language sql immutable as
$$ select coalesce(r.masked, r.text) $$;

create function area_name(p_code text) returns text language plpgsql stable as
$$
begin
    return (select string_agg(a.name, '' order by length(a.code))
            from minqing.areas a
            where a.code in (left(p_code, 9), left(p_code, 12), p_code) and length(a.code) >= 9);
end
$$;
comment on function area_name is 'Town, village and grid in words: 博美镇点石村委会.';
