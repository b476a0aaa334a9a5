-- Finds which of these attempts this worker has already settled, in a call whose answer was lost.
-- $1 worker, $2 ids, $3 epochs, $4 whether it completed, $5 outcomes.
-- Returns: ordinal in $2 and the job's state now.
-- A keeper may have ended the attempt instead. Then a completion finds no completed job, and any
-- other outcome finds a different outcome in the history.
-- Indexes: jobs_open_pkey, jobs_final_*_pkey, job_attempts_*_pkey.
SELECT a.n, j.state
FROM unnest($2::uuid[], $3::int8[], $4::bool[], $5::int2[]) WITH ORDINALITY
    AS a (id, epoch, completed, outcome, n)
JOIN jobs j ON j.id = ANY (ARRAY[a.id])
WHERE (a.completed AND j.state = 6 AND j.epoch = a.epoch AND j.worker_id = $1::uuid)
    OR (NOT a.completed
        AND EXISTS (SELECT FROM job_attempts h
                    WHERE h.id = a.id AND h.epoch = a.epoch AND h.worker_id = $1::uuid
                        AND h.outcome IN (a.outcome, 7)))
