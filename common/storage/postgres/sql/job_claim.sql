-- Claims queued jobs for a live worker; not confined ones (job_claim_confined.sql).
-- $1 worker, $2 ids (ascending).
-- Returns: ordinal in $2, epoch, attempt, failures, losses, time to the deadline (ms), whether the
-- deadline is the whole job's.
-- Locks: the rows, in the order of $2. Index: jobs_open_pkey.
UPDATE jobs_open j
SET state = 4, worker_id = $1::uuid, epoch = j.epoch + 1, attempt = j.attempt + 1,
    started_at = now(), claim_by = NULL,
    attempt_deadline = least(now() + j.timeout_ms * interval '1 ms', j.expires_at)
FROM unnest($2::uuid[]) WITH ORDINALITY AS a (id, n)
WHERE j.id = ANY (ARRAY[a.id]) AND j.state = 3 AND (j.claim_by IS NULL OR j.claim_by > now())
    AND NOT j.is_confined
    AND EXISTS (SELECT FROM workers w WHERE w.id = $1::uuid AND w.state = 1)
RETURNING a.n, j.epoch, j.attempt, j.failures, j.losses,
    CASE WHEN j.expires_at < now() + j.timeout_ms * interval '1 ms'
         THEN (extract(epoch FROM j.expires_at - now()) * 1000)::int8
         ELSE j.timeout_ms END,
    j.expires_at IS NOT NULL AND j.expires_at < now() + j.timeout_ms * interval '1 ms'
