-- Puts the reports of cases that changed into the search index, those that are not in it yet.
-- In: arrays (index, case). Out: added, how many.
select minqing.index_reports($2::uuid[]) as added where $1::integer[] is not null
