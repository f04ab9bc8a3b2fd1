-- What storing reports and classifications cost more than it guarded: references that the storing statement looks up itself, each a query
-- and a lock on the row referred to; and an index of which another is the beginning.
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

-- The very element that ingest passes on and the classifier's backlog brings again.
create function received_element(p_id uuid, p_text text, p_traceparent text, p_domain text, p_kind text, p_severity smallint) returns text
language sql stable as
$$
    select json_strip_nulls(json_build_object('v', 1, 'id', p_id, 'text', p_text, 'traceparent', p_traceparent,
                                              'domain', p_domain, 'kind', p_kind, 'severity', p_severity))::text
$$;
create or replace function received_element(r reports) returns text language sql stable as
$$ select minqing.received_element(r.id, r.text, r.traceparent, r.domain, r.kind, r.severity) $$;

-- A device's reports in a case, and its cases: one index for both.
create index case_reports_of on case_reports (account, "case", added_at);
drop index case_reports_account, case_reports_device;

revoke execute on all functions in schema minqing from public;
grant execute on function known_kind(text, text) to minqing_classifier;
grant execute on function received_element(uuid, text, text, text, text, smallint) to minqing_ingest, minqing_classifier;
