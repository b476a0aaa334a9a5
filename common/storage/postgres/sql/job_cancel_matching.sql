-- Cancels the next open jobs that match, as job_cancel does.
-- $1 to $9 which jobs: parts/job_filter.sql; $10 and $11 the ids between which it looks (exclusive),
-- $12 how many open jobs it looks at, $13 how many it cancels at most.
-- Returns: the last id that it looked at (null: none was left), whether there may be more, and for
-- each job that it cancelled: id, state now, epoch, worker. If it cancelled none: one row without a
-- job. A job that another writer moves meanwhile is judged by its new state.
-- Locks: the rows, in the order of their ids. Indexes: jobs_open_pkey, jobs_open_active,
-- jobs_open_scheduled_ids, jobs_open_errors, job_specs_*_pkey.
WITH looked AS MATERIALIZED (
    SELECT id FROM (
        {among_open_oldest}
    ) AS l
), held AS (
    SELECT j.id, j.state, j.epoch, j.worker_id, j.attempt_deadline
    FROM looked l JOIN jobs_open j ON j.id = ANY (ARRAY[l.id])
    WHERE j.state <= 4 AND {job_filter}
    ORDER BY l.id LIMIT $13::int8
    FOR UPDATE OF j
), {cancel_held}
SELECT (SELECT id FROM looked ORDER BY id DESC LIMIT 1),
    (SELECT count(*) FROM looked) = $12::int8,
    h.id, CASE h.state WHEN 4 THEN 5 ELSE 8 END, h.epoch, h.worker_id
FROM (VALUES (0)) AS one LEFT JOIN held h ON true
ORDER BY h.id
