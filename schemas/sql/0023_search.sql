-- The search index, filled at a fraction of the cost; and without waiting for the disk: what is lost of it is found by the next sweep.
set search_path = minqing, public;

-- Lower-cased, without punctuation and spaces, in pieces of two characters; of a single character that one. A loop, because a query of its
-- own for each text costs twice as much; a piece that comes twice is twice in it, for the index keeps one of each.
create or replace function bigrams(p_text text) returns text[] language plpgsql immutable strict parallel safe as
$$
declare
    letters text[] := string_to_array(regexp_replace(lower(p_text), '[[:punct:][:space:]，。！？、；：“”‘’（）《》【】…—～·]+', '', 'g'), null);
    pieces text[] := '{}';
    before text;
    letter text;
begin
    if cardinality(letters) < 2 then
        return letters;
    end if;
    foreach letter in array letters loop
        if before is not null then
            pieces := pieces || (before || letter);
        end if;
        before := letter;
    end loop;
    return pieces;
end
$$;

-- Rows are looked up by key, one after the other, however the tables look when the plan is made.
create or replace function index_reports(p_events bigint[]) returns integer language plpgsql security definer
    set search_path = minqing, public, pg_temp set enable_seqscan = off as
$$
declare
    added integer;
begin
    insert into minqing.report_index (report, account, at, grams)
    select r.id, r.account, r.received_at, minqing.bigrams(r.shown)
    from unnest(p_events) i (event)
    cross join lateral (select e.report from minqing.case_events e where e.id = i.event and e."case" is not null offset 0) e
    cross join lateral (select k.report from minqing.case_reports k where k.report = e.report offset 0) k
    cross join lateral (select r.id, r.account, r.received_at, minqing.shown_text(r) as shown
                        from minqing.reports r where r.id = k.report offset 0) r
    where not exists (select from minqing.report_index x where x.report = k.report offset 0)
    on conflict (report) do nothing;
    get diagnostics added = row_count;
    -- of this transaction alone: the same role writes down who read what
    perform set_config('synchronous_commit', 'off', true);
    return added;
end
$$;

create or replace function unindexed_elements(p_position text, p_upto text, p_limit integer)
returns table (element text, "position" text) language plpgsql stable security definer
    set search_path = minqing, public, pg_temp set enable_seqscan = off as
$$
begin
    return query
    select minqing.dispatched_element(e.id, k."case", null), e.xid::text
    from minqing.case_events e
    cross join lateral (select k."case" from minqing.case_reports k where k.report = e.report offset 0) k
    where e.xid >= p_position::xid8 and e.xid < p_upto::xid8
      and e."case" is not null
      and not exists (select from minqing.report_index x where x.report = e.report offset 0)
    order by e.xid
    limit p_limit;
end
$$;

-- A device's own cases, which it sees at once, not when the index has caught up --------------------------------------

update case_reports k set account = r.account from reports r where r.id = k.report and k.account is null;
create index case_reports_device on case_reports (account);
drop index report_index_account;

-- A device's cases are the progress of what it reported.
create or replace function answer_progress(q jsonb) returns jsonb language plpgsql stable as
$$
declare
    v_limit integer := coalesce((q->>'limit')::integer, 50);
    v_after text := q->>'after';
    v_rows jsonb[];
    v_cursors text[];
    v_total bigint;
begin
    with mine as materialized (
        select distinct k."case" as id
        from minqing.v_asker a
        join minqing.case_reports k on k.account = a.account
    ),
    lines as (
        select c.id, c.number, c.version, c.state, c.domain, c.kind, c.lead, l.name_zh as lead_name, c.opened_at
        from mine m
        join minqing.cases c on c.id = m.id
        join minqing.departments l on l.code = c.lead
        where (q->>'state' is null or c.state = q->>'state')
          and (q->>'domain' is null or c.domain = q->>'domain')
    ),
    shown as (
        select l.*
        from lines l
        where v_after is null or (l.opened_at, l.id) < (minqing.cursor_time(v_after), split_part(v_after, '~', 2)::uuid)
        order by l.opened_at desc, l.id desc
        limit v_limit + 1
    )
    select array_agg(jsonb_build_object('case', s.id, 'number', s.number, 'version', s.version, 'state', s.state, 'domain', s.domain,
                                        'kind', s.kind, 'lead', s.lead, 'lead_name', s.lead_name, 'opened_at', minqing.wire_time(s.opened_at))
                     order by s.opened_at desc, s.id desc),
           array_agg(minqing.cursor_of(s.opened_at, s.id::text) order by s.opened_at desc, s.id desc),
           (select least(count(*), 1000) from lines)
    into v_rows, v_cursors, v_total
    from shown s;
    return minqing.page('cases', coalesce(v_rows, '{}'), v_cursors, v_limit) || jsonb_build_object('total', v_total);
end
$$;
