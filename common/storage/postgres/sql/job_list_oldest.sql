-- A page of job ids, oldest first. $1 states or null, $2 queue or null, $3 priority or null,
-- $4 model or null, $5 metadata (jsonb) or null, $6 created after or null, $7 created before or
-- null (both in microseconds since 1970), $8 id of the page before (or the bound of all ids), $9 limit.
-- Index: jobs_pkey.
SELECT j.id FROM jobs j
WHERE j.id > $8::uuid
    AND ($1::int2[] IS NULL OR j.state = ANY ($1::int2[]))
    AND ($2::text IS NULL OR j.queue_id = (SELECT id FROM queues WHERE name = $2::text))
    AND ($3::int2 IS NULL OR j.priority = $3::int2)
    AND ($4::text IS NULL OR j.model = $4::text)
    AND ($5::jsonb IS NULL
         OR EXISTS (SELECT FROM job_specs s WHERE s.id = j.id AND s.metadata @> $5::jsonb))
    AND ($6::int8 IS NULL OR micros(j.created_at) > $6::int8)
    AND ($7::int8 IS NULL OR micros(j.created_at) < $7::int8)
ORDER BY j.id
LIMIT $9::int4
