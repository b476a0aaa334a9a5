-- The columns of a row j of jobs_final that job_columns.sql uses, in the order of open_columns.sql.
j.id, j.state, j.queue_id, j.priority, j.model, j.epoch, j.attempt, j.failures, j.interruptions,
j.attempts_max, j.worker_id, j.created_at, j.run_at, j.queued_at, j.started_at,
j.finished_at, j.expires_at, j.cancel_requested_at, j.error_code,
j.error_message, j.prompt_tokens, j.completion_tokens
