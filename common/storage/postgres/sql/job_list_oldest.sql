-- A page of jobs, oldest first.
-- $1 to $9 which jobs: parts/job_filter.sql; $10 the last id of the previous page, $11 limit, $12
-- how many jobs it looks at, whether they match or not.
-- Returns: the columns of job_get up to the retry, and in each row the id after which to continue:
-- the last one looked at, or null if the page is full or no job was left. If none matches: one row
-- without a job.
-- Looks at the first $12 of the open and final jobs beyond $10. However many jobs there are, and
-- however far along the page is, the cost is the page itself and the jobs that the filter rejects,
-- which $12 bounds. The last id looked at is only computed for a page that is not full.
-- Indexes: jobs_open_pkey, jobs_final_*_pkey, job_specs_*_pkey, idempotency_keys_pkey: one probe
-- per job for its retry.
WITH page AS MATERIALIZED (
    SELECT * FROM (
        (SELECT {open_columns} FROM jobs_open j
         WHERE {open_is_wanted} AND j.id > $10::uuid
         ORDER BY j.id LIMIT $12::int8)
        UNION ALL
        (SELECT {final_columns} FROM jobs_final j
         WHERE {final_is_wanted} AND j.id > $10::uuid
         ORDER BY j.id LIMIT $12::int8)
        ORDER BY id LIMIT $12::int8
    ) AS j
    WHERE {job_filter}
    ORDER BY id LIMIT $11::int8
)
SELECT {job_columns},
    CASE WHEN (SELECT count(*) FROM page) < $11::int8 THEN (
        SELECT id FROM (
            (SELECT j.id FROM jobs_open j
             WHERE {open_is_wanted} AND j.id > $10::uuid
             ORDER BY j.id LIMIT $12::int8)
            UNION ALL
            (SELECT j.id FROM jobs_final j
             WHERE {final_is_wanted} AND j.id > $10::uuid
             ORDER BY j.id LIMIT $12::int8)
        ) AS looked
        ORDER BY id OFFSET $12::int8 - 1 LIMIT 1
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
ORDER BY j.id
