-- The columns that clients see of a job j, with its spec s, queue q and worker w. rows.cc reads
-- them.
j.id, j.state, q.name, j.priority, j.model, j.epoch, j.attempt, j.failures, j.interruptions,
j.attempts_max, j.worker_id, w.name, micros(j.created_at), micros(j.run_at),
micros(j.queued_at), micros(j.started_at), micros(j.finished_at), micros(j.expires_at),
micros(j.cancel_requested_at), j.error_code, j.error_message, j.prompt_tokens,
j.completion_tokens, s.metadata, s.retry_of, s.client_id, CASE WHEN j.state BETWEEN 7 AND 9 THEN
    (SELECT k.job_id FROM idempotency_keys k WHERE k.key = 'retry ' || j.id::text) END
