-- Cancels jobs: waiting ones move to jobs_final; running ones become cancelling.
-- $1 ids (ascending). Returns: ids of the jobs that were open.
-- Locks: the rows, in the order of $1. Index: jobs_open_pkey.
WITH held AS (
    SELECT j.id, j.state, j.worker_id, j.attempt_deadline
    FROM unnest($1::uuid[]) AS a (id) JOIN jobs_open j ON j.id = ANY (ARRAY[a.id])
    FOR UPDATE OF j
), {cancel_held}
SELECT id FROM held
