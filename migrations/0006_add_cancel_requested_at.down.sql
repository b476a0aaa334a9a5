-- Undoes 0006_add_cancel_requested_at.up.sql: when jobs were asked to stop is forgotten.
DROP VIEW jobs;
ALTER TABLE jobs_final DROP COLUMN cancel_requested_at;
ALTER TABLE jobs_open DROP COLUMN cancel_requested_at;

CREATE VIEW jobs AS
    SELECT id, state, queue_id, priority, model, epoch, attempt, failures, interruptions,
           attempts_max, worker_id, created_at, run_at, queued_at, started_at,
           NULL::timestamptz AS finished_at, expires_at, error_code, error_message,
           0::bigint AS prompt_tokens, 0::bigint AS completion_tokens, NULL::text AS output
    FROM jobs_open
    UNION ALL
    SELECT id, state, queue_id, priority, model, epoch, attempt, failures, interruptions,
           attempts_max, worker_id, created_at, run_at, queued_at, started_at,
           finished_at, expires_at, error_code, error_message,
           prompt_tokens, completion_tokens, output
    FROM jobs_final;
