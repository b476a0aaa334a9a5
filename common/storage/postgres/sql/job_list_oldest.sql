-- A page of jobs, oldest first.
-- $1 to $9 which: parts/job_filter.sql; $10 the last id of the page before, $11 limit.
-- Returns: as job_get up to the retry.
-- A page of the open and a page of the final ones are read from $10 on, and the first of both are
-- it: however many jobs there are, and however far the page is, it costs what it holds and what the
-- filter passes over.
-- Indexes: jobs_open_pkey, jobs_final_*_pkey, job_specs_*_pkey, idempotency_keys_pkey: one probe a
-- job for its retry.
SELECT {job_columns}
FROM (
    (SELECT {open_columns} FROM jobs_open j
     WHERE {open_is_wanted} AND j.id > $10::uuid AND {job_filter}
     ORDER BY j.id LIMIT $11::int8)
    UNION ALL
    (SELECT {final_columns} FROM jobs_final j
     WHERE {final_is_wanted} AND j.id > $10::uuid AND {job_filter}
     ORDER BY j.id LIMIT $11::int8)
    ORDER BY id LIMIT $11::int8
) AS j
CROSS JOIN LATERAL (
    SELECT metadata, retry_of, client_id FROM job_specs WHERE job_specs.id = j.id OFFSET 0
) AS s
JOIN queues q ON q.id = j.queue_id
LEFT JOIN workers w ON w.id = j.worker_id
ORDER BY j.id
