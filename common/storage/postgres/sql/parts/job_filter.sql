-- Whether a filter includes job j, a row of jobs_open or jobs_final.
-- $1 states, $2 queue, $3 priority, $4 model: arrays of the wanted values, empty for any; $5
-- metadata that it must contain ({} for any), $6 created after and $7 before (microseconds since
-- 1970, exclusive, or null), $8 error code: like $1, $9 whether only jobs that were never retried.
-- A job costs only what the filter asks for: its metadata or its retry is probed only if needed.
(cardinality($1::int2[]) = 0 OR j.state = ANY ($1::int2[]))
AND (cardinality($2::text[]) = 0
     OR j.queue_id = ANY (ARRAY(SELECT id FROM queues WHERE name = ANY ($2::text[]))))
AND (cardinality($3::int2[]) = 0 OR j.priority = ANY ($3::int2[]))
AND (cardinality($4::text[]) = 0 OR j.model = ANY ($4::text[]))
AND ($6::int8 IS NULL OR micros(j.created_at) > $6::int8)
AND ($7::int8 IS NULL OR micros(j.created_at) < $7::int8)
AND (cardinality($8::text[]) = 0 OR j.error_code = ANY ($8::text[]))
AND ($5::jsonb = '{}' OR
     (SELECT s.metadata FROM job_specs s WHERE s.id = j.id OFFSET 0) @> $5::jsonb)
AND (NOT $9::bool OR
     (SELECT k.job_id FROM idempotency_keys k WHERE k.key = 'retry ' || j.id::text) IS NULL)
