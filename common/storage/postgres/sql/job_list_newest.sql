-- A page of jobs, newest first.
-- $1 to $9 which jobs: parts/job_filter.sql; $10 and $11 the ids between which it looks (exclusive),
-- $12 how many jobs it looks at, whether they match or not, $13 limit.
-- Returns: the columns of job_get up to the retry, and in each row the id after which to continue:
-- the last one looked at, or null if the page is full or no job was left. If none matches: one row
-- without a job.
-- Looks at the next $12 of the jobs that may match (parts/all_newest.sql). However many jobs there are,
-- and however far along the page is, the cost is the page itself and the jobs that the filter
-- rejects, which $12 bounds. The last id looked at is only computed for a page that is not full.
-- Indexes: jobs_open_pkey, jobs_open_active, jobs_open_scheduled_ids, jobs_open_errors,
-- jobs_final_*_pkey, jobs_final_*_state_uuid_send_idx, jobs_final_*_left_uuid_send_idx,
-- job_specs_*_pkey, idempotency_keys_pkey: one probe per job for its retry.
WITH page AS MATERIALIZED (
    SELECT * FROM (
        {all_newest}
    ) AS j
    WHERE {job_filter}
    ORDER BY id DESC LIMIT $13::int8
)
SELECT {job_columns},
    CASE WHEN (SELECT count(*) FROM page) < $13::int8 THEN (
        SELECT id FROM (
            {all_newest}
        ) AS looked
        ORDER BY id DESC OFFSET $12::int8 - 1 LIMIT 1
    ) END
FROM (VALUES (0)) AS one
LEFT JOIN (
    page j
    CROSS JOIN LATERAL (
        SELECT metadata, retry_of, client_id FROM job_specs WHERE job_specs.id = j.id OFFSET 0
    ) AS s
    JOIN queues q ON q.id = j.queue_id
    LEFT JOIN workers w ON w.id = j.worker_id
) ON true
ORDER BY j.id DESC
