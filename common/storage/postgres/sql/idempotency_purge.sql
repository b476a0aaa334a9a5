-- Forgets keys whose time is over, and keys without one whose job is gone.
-- Looks at a page of each kind, after where the last look ended: whoever begins at the start passes
-- the dead entries of all that was removed, which stay in the index while any snapshot is old.
-- $1 until when expired keys are gone, $2 until when keys without a lifetime were looked at
-- (microseconds since 1970; 0 for the start), $3 retention (s): no younger job can be gone; $4 page,
-- for each kind; keys that were made at once with the last one of a page belong to it.
-- Returns: keys removed, whether a page was full, and $1 and $2 of the next look.
-- Locks: the rows; expired ones that others hold are skipped, until a look begins at the start.
-- Indexes: idempotency_keys_expires_at, idempotency_keys_of_jobs, job_specs_*_pkey: one probe for
-- each job that outlives the retention.
WITH over AS MATERIALIZED (
    SELECT key, expires_at FROM idempotency_keys
    WHERE expires_at >= to_timestamp($1::int8 / 1000000.0) AND expires_at <= now()
    ORDER BY expires_at LIMIT $4::int8
    FOR UPDATE SKIP LOCKED
), made AS MATERIALIZED (
    SELECT key, job_id, created_at FROM idempotency_keys
    WHERE expires_at IS NULL AND created_at < now() - $3::int8 * interval '1 s'
        AND created_at > to_timestamp($2::int8 / 1000000.0)
    ORDER BY created_at FETCH FIRST ($4::int8) ROWS WITH TIES
), old AS (
    SELECT key FROM over
    UNION ALL
    -- A subquery is a probe of the index; a join may read a partition whole.
    SELECT key FROM made m WHERE (SELECT s.id FROM job_specs s WHERE s.id = m.job_id) IS NULL
), gone AS (
    DELETE FROM idempotency_keys k USING old
    WHERE k.key = ANY (ARRAY[old.key])
        AND (k.expires_at <= now()
             OR k.expires_at IS NULL AND k.created_at < now() - $3::int8 * interval '1 s')
    RETURNING k.key
)
SELECT (SELECT count(*) FROM gone), o.n >= $4::int8 OR m.n >= $4::int8,
    CASE WHEN o.n >= $4::int8 THEN o.last ELSE 0 END,
    CASE WHEN m.n >= $4::int8 THEN m.last ELSE 0 END
FROM (SELECT count(*) AS n, micros(max(expires_at)) AS last FROM over) AS o,
    (SELECT count(*) AS n, micros(max(created_at)) AS last FROM made) AS m
