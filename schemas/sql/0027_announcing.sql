-- What a call costs however few reports it brings.
set search_path = minqing, public;

-- Constraints of rows that only the functions here write. PostgreSQL reads and compiles each again in every statement that writes to its
-- table, for one row as for a thousand: a sixth of the time of a report that comes alone. What they held is written as it is in the
-- functions, comes from messages that met their schema, or from transitions, where it is checked when it is loaded.
alter table transitions
    add constraint transitions_to_state_check check (to_state in ('assigned', 'signed', 'in_progress', 'suspended', 'resolved', 'verified', 'closed',
        'refused', 'merged', 'waiting', 'decided', 'joined', 'called', 'acknowledged', 'arrived', 'done', 'stood_down')),
    add constraint transitions_to_part_check check (to_part in ('assigned', 'signed', 'in_progress', 'resolved', 'returned', 'released'));
alter table cases drop constraint cases_state_check, drop constraint cases_level_check, drop constraint cases_severity_check,
    drop constraint cases_rating_check;
alter table assignments drop constraint assignments_state_check, drop constraint assignments_role_check;
alter table announcements drop constraint announcements_topic_check;
alter table timers drop constraint timers_chain_check, drop constraint timers_step_check;
