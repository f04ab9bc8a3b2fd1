-- The search index, filled at a third of the cost; and without waiting for the disk: what is lost of it is found by the next sweep.
set search_path = minqing, public;

-- Lower-cased, without punctuation and spaces, in distinct pieces of two characters; of a single character that one.
create or replace function bigrams(p_text text) returns text[] language plpgsql immutable strict parallel safe as
$$
declare
    letters text[] := string_to_array(regexp_replace(lower(p_text), '[[:punct:][:space:]，。！？、；：“”‘’（）《》【】…—～·]+', '', 'g'), null);
    n integer := cardinality(letters);
begin
    return case when n < 2 then letters
                else array(select distinct a || b from unnest(letters[1:n - 1], letters[2:n]) as t (a, b)) end;
end
$$;

create or replace function index_reports(p_events bigint[]) returns integer language plpgsql security definer set search_path = minqing, public, pg_temp as
$$
declare
    added integer;
begin
    insert into minqing.report_index (report, account, at, grams)
    select r.id, r.account, r.received_at, minqing.bigrams(minqing.shown_text(r))
    from unnest(p_events) i (event)
    join minqing.case_events e on e.id = i.event and e."case" is not null
    join minqing.case_reports k on k.report = e.report
    join minqing.reports r on r.id = k.report
    where not exists (select from minqing.report_index x where x.report = k.report)
    on conflict (report) do nothing;
    get diagnostics added = row_count;
    -- of this transaction alone: the same role writes down who read what
    perform set_config('synchronous_commit', 'off', true);
    return added;
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
