-- Claims ready jobs of one lane for one model, those that have waited longest first, for a live
-- worker.
-- $1 worker, $2 queue, $3 priority, $4 model, $5 minimum age (ms), $6 since when the first may have
-- been queued (microseconds since 1970), $7 limit, $8 bytes of specs, which one more may exceed.
-- Returns: id, epoch, attempt, failures, losses, time to the deadline (ms), whether the deadline is
-- the whole job's, spec, since when it was queued (microseconds since 1970), whether others were
-- left because of the bytes.
-- Locks: the rows; those that others hold are skipped. Indexes: jobs_open_queued, job_specs_*_pkey.
-- No other index has the order of waiting, so the planner cannot take one (decision 0015).
WITH found AS (
    SELECT id, queued_at FROM jobs_open
    WHERE is_queued AND queue_id = $2::int2 AND priority = $3::int2
        AND model COLLATE "C" = $4::text AND NOT is_confined
        AND queued_at >= timestamptz 'epoch' + $6::int8 * interval '1 us'
        AND queued_at <= now() - $5::int8 * interval '1 ms'
        AND (claim_by IS NULL OR claim_by > now())
        AND EXISTS (SELECT FROM workers w WHERE w.id = $1::uuid AND w.state = 1)
    ORDER BY queued_at
    LIMIT $7::int8
    FOR UPDATE SKIP LOCKED
), sized AS (
    SELECT f.id, f.queued_at, s.spec, sum(octet_length(s.spec)) OVER (
        ORDER BY f.queued_at, f.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM found f
    CROSS JOIN LATERAL (SELECT spec FROM job_specs WHERE job_specs.id = f.id OFFSET 0) AS s
), claimed AS (
    UPDATE jobs_open j
    SET {claim_set}
    FROM sized
    WHERE j.id = ANY (ARRAY[sized.id]) AND j.state = 3 AND coalesce(sized.before, 0) < $8::int8
    RETURNING j.id, {claim_columns}, sized.queued_at, sized.spec
)
SELECT id, epoch, attempt, failures, losses, remaining_ms, deadline_is_ttl, spec, micros(queued_at),
    (SELECT max(before) >= $8::int8 FROM sized)
FROM claimed
ORDER BY queued_at, id
