-- What opening a case writes to indexes and checks, and nobody needs.
set search_path = minqing, public;

-- A number is unique with town and year, and is looked up by itself: one index for both.
alter table cases drop constraint cases_town_year_number_key, add unique (number, town, year);
drop index cases_number;

-- All parts of a department; a part of one case is found by the case. Equal keys lie in one list and new ones at its end, where case ids
-- went all over the index.
drop index assignments_department;
create index assignments_department on assignments (department);

-- Both are ids of cases that the same transaction has locked, and looked at by each case that opens, which has neither.
alter table cases drop constraint cases_merged_into_fkey, drop constraint cases_split_from_fkey;
