-- When a job was asked to stop: its history tells a slow worker from a late request.
--
-- Locks:     jobs_open and jobs_final exclusively; no row is written.
-- Old binaries: do not start any more; those that run go on and record no such time.
-- Programs:  from 0006 on; new ones need it.
-- Undo:      0006_add_cancel_requested_at.down.sql
ALTER TABLE jobs_open ADD COLUMN cancel_requested_at timestamptz;   -- The first time.
ALTER TABLE jobs_final ADD COLUMN cancel_requested_at timestamptz;  -- However the job ended.

CREATE OR REPLACE VIEW jobs AS
    SELECT id, state, queue_id, priority, model, epoch, attempt, failures, interruptions,
           attempts_max, worker_id, created_at, run_at, queued_at, started_at,
           NULL::timestamptz AS finished_at, expires_at, error_code, error_message,
           0::bigint AS prompt_tokens, 0::bigint AS completion_tokens, NULL::text AS output,
           cancel_requested_at
    FROM jobs_open
    UNION ALL
    SELECT id, state, queue_id, priority, model, epoch, attempt, failures, interruptions,
           attempts_max, worker_id, created_at, run_at, queued_at, started_at,
           finished_at, expires_at, error_code, error_message,
           prompt_tokens, completion_tokens, output,
           cancel_requested_at
    FROM jobs_final;
