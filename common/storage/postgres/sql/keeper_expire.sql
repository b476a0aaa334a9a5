-- Expires waiting jobs that were not claimed in time. $1 page. The message keeps the error of an
-- attempt before, which may be the reason why the job still waits.
-- Returns: id, queue, priority, epoch, state.
-- Locks: the rows; those that others hold are skipped. Index: jobs_open_claim_by.
WITH due AS (
    SELECT id FROM jobs_open
    WHERE claim_by IS NOT NULL AND claim_by <= now()
    ORDER BY claim_by LIMIT $1::int8
    FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM jobs_open j USING due WHERE j.id = ANY (ARRAY[due.id]) AND j.state <= 3
    RETURNING j.*
), final AS (
    INSERT INTO jobs_final (id, epoch, created_at, queued_at, run_at, expires_at, started_at,
                            finished_at, attempt, failures, interruptions, attempts_max, queue_id,
                            priority, state, model, error_code, error_message, prompt_tokens,
                            completion_tokens)
    SELECT id, epoch, created_at, queued_at, run_at, expires_at, started_at,
           now(), attempt, failures, interruptions, attempts_max, queue_id,
           priority, 9, model, 'expired',
           CASE WHEN expires_at <= now() THEN 'its time to live ran out while it waited'
                ELSE 'no worker started it in time' END
           || CASE WHEN error_code <> ''
                   THEN '; the last attempt ended with ' || error_code
                        || coalesce(': ' || error_message, '')
                   ELSE '' END,
           NULL, NULL
    FROM ended
    ON CONFLICT DO NOTHING
)
SELECT e.id, q.name, e.priority, e.epoch, 9 FROM ended e JOIN queues q ON q.id = e.queue_id
