-- The body of one attempt. In: webhook, event (null: a test), delivery, attempt, most bytes of a case. Out: the text, null: gone.
select minqing.delivery_payload($1::integer, $2::bigint, $3::uuid, $4::integer, $5::integer)
