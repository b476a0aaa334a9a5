-- Claims queued jobs by id for a live worker.
-- $1 worker, $2 ids (ascending). Returns: id, epoch, attempt, failures, losses, remaining (ms),
-- whether the deadline is the job's time to live.
-- Locks: the rows, in the order of the ids. Index: jobs_pkey.
UPDATE jobs j
SET state = 4, epoch = j.epoch + 1, worker_id = $1::uuid, attempt = j.attempt + 1,
    started_at = now(),
    attempt_deadline = least(now() + j.timeout_ms * interval '1 ms', j.expires_at)
FROM unnest($2::uuid[]) AS a (id)
WHERE j.id = a.id AND j.state = 3
    AND (j.expires_at IS NULL OR j.expires_at > now())
    AND (j.start_by IS NULL OR j.attempt > 0 OR j.start_by > now())
    AND EXISTS (SELECT FROM workers w WHERE w.id = $1::uuid AND w.state = 1)
RETURNING j.id, j.epoch, j.attempt, j.failures, j.losses,
    (extract(epoch FROM j.attempt_deadline - now()) * 1000)::bigint,
    j.expires_at IS NOT NULL AND j.expires_at <= now() + j.timeout_ms * interval '1 ms'
