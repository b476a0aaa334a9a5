-- The attempts of jobs, oldest first: those of the history, and the one that runs or that completed
-- the job.
-- $1 ids. Returns: id, epoch, worker, its name, started, ended, outcome, error code and message,
-- how it was counted.
-- Indexes: job_attempts_*_pkey, jobs_open_pkey, jobs_final_*_pkey: a probe for each id (OFFSET 0).
SELECT h.id, h.epoch, h.worker_id, h.worker_name, micros(h.started_at), micros(h.ended_at),
    h.outcome, h.error_code, h.error_message, h.counted_as
FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (SELECT * FROM job_attempts WHERE job_attempts.id = a.id OFFSET 0) AS h
UNION ALL
SELECT j.id, j.epoch, j.worker_id, w.name, micros(j.started_at), micros(j.finished_at),
    CASE j.state WHEN 6 THEN 1 END, NULL, NULL, NULL
FROM unnest($1::uuid[]) AS a (id)
JOIN jobs j ON j.id = ANY (ARRAY[a.id])
LEFT JOIN workers w ON w.id = j.worker_id
WHERE j.state IN (4, 5, 6)
ORDER BY 1, 2
