-- What a claim by the worker $1 sets in a row j of jobs_open.
state = 4, worker_id = $1::uuid, epoch = j.epoch + 1, attempt = j.attempt + 1,
started_at = now(), claim_by = NULL,
attempt_deadline = least(now() + j.timeout_ms * interval '1 ms', j.expires_at)
