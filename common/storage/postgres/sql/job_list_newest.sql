-- A page of jobs, newest first.
-- $1 to $9 which: parts/job_filter.sql; $10 the last id of the page before, $11 limit, $12 how many
-- jobs it looks at, whether they match or not.
-- Returns: as job_get up to the retry, and in each row where another look goes on: the last id that
-- was looked at, null where the page is full or none was left. One row without a job where none
-- matches.
-- The next of the open and of the final ones are read from $10 on, and the first of both are looked
-- at: however many jobs there are, and however far the page is, it costs what it holds and what the
-- filter passes over, which $12 bounds. Where the look ended is only asked of a page that is not
-- full.
-- Indexes: jobs_open_pkey, jobs_final_*_pkey, job_specs_*_pkey, idempotency_keys_pkey: one probe a
-- job for its retry.
WITH page AS MATERIALIZED (
    SELECT * FROM (
        (SELECT {open_columns} FROM jobs_open j
         WHERE {open_is_wanted} AND j.id < $10::uuid
         ORDER BY j.id DESC LIMIT $12::int8)
        UNION ALL
        (SELECT {final_columns} FROM jobs_final j
         WHERE {final_is_wanted} AND j.id < $10::uuid
         ORDER BY j.id DESC LIMIT $12::int8)
        ORDER BY id DESC LIMIT $12::int8
    ) AS j
    WHERE {job_filter}
    ORDER BY id DESC LIMIT $11::int8
)
SELECT {job_columns},
    CASE WHEN (SELECT count(*) FROM page) < $11::int8 THEN (
        SELECT id FROM (
            (SELECT j.id FROM jobs_open j
             WHERE {open_is_wanted} AND j.id < $10::uuid
             ORDER BY j.id DESC LIMIT $12::int8)
            UNION ALL
            (SELECT j.id FROM jobs_final j
             WHERE {final_is_wanted} AND j.id < $10::uuid
             ORDER BY j.id DESC LIMIT $12::int8)
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
