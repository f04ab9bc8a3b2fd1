-- Puts reports that came to a case into the search index, those that are not in it yet.
-- In: arrays (index, event). Out: added, how many.
select minqing.index_reports($2::bigint[]) as added where $1::integer[] is not null
