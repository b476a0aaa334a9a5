-- The next $12 open jobs that a filter (job_filter.sql) may include, between the ids $10 and $11,
-- oldest first. One of these ways leaves none out: if an error is wanted, the jobs that had it; if
-- only states are wanted that few jobs have, the jobs in these; otherwise all.
-- The first two go by uuid_send(id), which has the order of the ids, but as that of no other index:
-- the planner cannot take the primary key and skip, whatever the statistics say.
SELECT * FROM (
    (SELECT {open_columns} FROM jobs_open j
     WHERE {open_is_wanted} AND cardinality($8::text[]) = 0
         AND (cardinality($1::int2[]) = 0 OR $1::int2[] && '{2,3}')
         AND j.id > $10::uuid AND j.id < $11::uuid
     ORDER BY j.id LIMIT $12::int8)
    UNION ALL
    (SELECT {open_columns}
     FROM (SELECT * FROM jobs_open WHERE is_active OFFSET 0) AS j
     WHERE cardinality($8::text[]) = 0 AND $1::int2[] && '{4,5}' AND NOT $1::int2[] && '{2,3}'
         AND j.id > $10::uuid AND j.id < $11::uuid
     ORDER BY j.id LIMIT $12::int8)
    UNION ALL
    (SELECT {open_columns} FROM jobs_open j
     WHERE cardinality($8::text[]) = 0 AND $1::int2[] && '{1}' AND NOT $1::int2[] && '{2,3}'
         AND j.is_scheduled
         AND uuid_send(j.id) > uuid_send($10::uuid) AND uuid_send(j.id) < uuid_send($11::uuid)
     ORDER BY uuid_send(j.id) LIMIT $12::int8)
    UNION ALL
    (SELECT {open_columns}
     FROM unnest($8::text[]) AS e (code), LATERAL (
         SELECT * FROM jobs_open
         WHERE {open_is_wanted} AND error_code IS NOT NULL
             AND left(error_code, 100) COLLATE "C" = left(e.code, 100)
             AND uuid_send(id) > uuid_send($10::uuid) AND uuid_send(id) < uuid_send($11::uuid)
         ORDER BY uuid_send(id) LIMIT $12::int8) AS j)
) AS j
ORDER BY j.id LIMIT $12::int8
