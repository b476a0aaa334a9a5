-- The next $12 final jobs that a filter (job_filter.sql) may include, between the ids $10 and $11,
-- newest first: like among_open_newest.sql. Completed jobs have no index but the primary key, because
-- each would pay for it; all others are found by their state or their error.
SELECT * FROM (
    (SELECT {final_columns} FROM jobs_final j
     WHERE cardinality($8::text[]) = 0 AND (cardinality($1::int2[]) = 0 OR $1::int2[] && '{6}')
         AND j.id > $10::uuid AND j.id < $11::uuid
     ORDER BY j.id DESC LIMIT $12::int8)
    UNION ALL
    (SELECT {final_columns}
     FROM unnest($1::int2[]) AS s (state), LATERAL (
         SELECT * FROM jobs_final
         WHERE s.state IN (7, 8, 9) AND cardinality($8::text[]) = 0 AND NOT $1::int2[] && '{6}'
             AND state <> 6 AND state = s.state
             AND uuid_send(id) > uuid_send($10::uuid) AND uuid_send(id) < uuid_send($11::uuid)
         ORDER BY uuid_send(id) DESC LIMIT $12::int8) AS j)
    UNION ALL
    (SELECT {final_columns}
     FROM unnest($8::text[]) AS e (code), LATERAL (
         SELECT * FROM jobs_final
         WHERE {final_is_wanted} AND error_code IS NOT NULL
             AND left(error_code, 100) COLLATE "C" = left(e.code, 100)
             AND uuid_send(id) > uuid_send($10::uuid) AND uuid_send(id) < uuid_send($11::uuid)
         ORDER BY uuid_send(id) DESC LIMIT $12::int8) AS j)
) AS j
ORDER BY j.id DESC LIMIT $12::int8
