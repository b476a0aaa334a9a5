-- Claims queued jobs for a live worker; not confined ones (job_claim_confined.sql).
-- $1 worker, $2 ids (ascending).
-- Returns: ordinal in $2, epoch, attempt, failures, losses, time to the deadline (ms), whether the
-- deadline is the whole job's.
-- Locks: the rows, in the order of $2. Index: jobs_open_pkey.
UPDATE jobs_open j
SET {claim_set}
FROM unnest($2::uuid[]) WITH ORDINALITY AS a (id, n)
WHERE j.id = ANY (ARRAY[a.id]) AND j.state = 3 AND (j.claim_by IS NULL OR j.claim_by > now())
    AND NOT j.is_confined
    AND EXISTS (SELECT FROM workers w WHERE w.id = $1::uuid AND w.state = 1)
RETURNING a.n, {claim_columns}
