-- Which of these attempts were already ended by this worker: a settlement whose answer was lost.
-- $1 worker, $2 ids, $3 epochs. Returns: id, epoch, state now.
SELECT j.id, a.epoch, j.state
FROM unnest($2::uuid[], $3::int8[]) AS a (id, epoch)
JOIN jobs j ON j.id = a.id
WHERE (j.state >= 6 AND j.epoch = a.epoch AND j.worker_id = $1::uuid)
    OR EXISTS (SELECT FROM job_attempts h
               WHERE h.id = a.id AND h.epoch = a.epoch AND h.worker_id = $1::uuid AND h.outcome <> 8)
