-- How many jobs there are. $1 to $9 as job_list_*, $10 the most that is counted.
-- Returns: the count. Reads all jobs until it has found $10; each costs the probes of a list.
SELECT count(*) FROM (
    SELECT FROM jobs j
    JOIN job_specs s ON s.id = j.id
    JOIN queues q ON q.id = j.queue_id
    WHERE (cardinality($1::int2[]) = 0 OR j.state = ANY ($1::int2[]))
        AND (cardinality($2::text[]) = 0 OR q.name = ANY ($2::text[]))
        AND (cardinality($3::int2[]) = 0 OR j.priority = ANY ($3::int2[]))
        AND (cardinality($4::text[]) = 0 OR j.model = ANY ($4::text[]))
        AND ($5::jsonb = '{}' OR s.metadata @> $5::jsonb)
        AND ($6::int8 IS NULL OR micros(j.created_at) > $6::int8)
        AND ($7::int8 IS NULL OR micros(j.created_at) < $7::int8)
        AND (cardinality($8::text[]) = 0 OR j.error_code = ANY ($8::text[]))
        AND (NOT $9::bool OR
             (SELECT k.job_id FROM idempotency_keys k WHERE k.key = 'retry ' || j.id::text) IS NULL)
    LIMIT $10::int8
) AS found
