-- Removes checkpoints that were being saved when their attempt ended. $1 page. Returns: ids.
-- Locks: the rows; those that others hold are skipped. Index: jobs_open_pkey. It looks at all
-- checkpoints, which are never more than the workers' slots.
DELETE FROM job_partials p
USING (SELECT id FROM job_partials s
       WHERE NOT EXISTS (SELECT FROM jobs_open j
                         WHERE j.id = ANY (ARRAY[s.id]) AND j.epoch = s.epoch
                             AND j.state IN (4, 5))
       LIMIT $1::int8
       FOR UPDATE SKIP LOCKED) AS old
WHERE p.id = ANY (ARRAY[old.id])
RETURNING p.id
