-- Attempts by job, oldest first: those of the history, and the one of the job's row. $1 ids.
SELECT t.id, t.epoch, t.worker_id, w.name, micros(t.started_at), micros(t.ended_at), t.outcome,
    t.error_code, t.error_message
FROM (
    SELECT h.id, h.epoch, h.worker_id, h.started_at, h.ended_at, h.outcome::int, h.error_code,
        h.error_message
    FROM unnest($1::uuid[]) AS a (id) JOIN job_attempts h ON h.id = a.id
    UNION ALL
    SELECT j.id, j.epoch, j.worker_id, j.started_at, j.finished_at,
        CASE j.state WHEN 6 THEN 1 WHEN 7 THEN 2 WHEN 8 THEN 7 WHEN 9 THEN 5 END, j.error_code,
        j.error_message
    FROM unnest($1::uuid[]) AS a (id) JOIN jobs j ON j.id = a.id
    WHERE j.worker_id IS NOT NULL AND j.state >= 4
) t
LEFT JOIN workers w ON w.id = t.worker_id
ORDER BY t.id, t.epoch
