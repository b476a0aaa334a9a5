-- The columns of a row j of jobs_open that job_columns.sql uses.
j.id, j.state, j.queue_id, j.priority, j.model, j.epoch, j.attempt, j.failures, j.interruptions,
j.attempts_max, j.worker_id, j.created_at, j.run_at, j.queued_at, j.started_at,
NULL::timestamptz AS finished_at, j.expires_at, j.cancel_requested_at, j.error_code,
j.error_message, 0::int8 AS prompt_tokens, 0::int8 AS completion_tokens
