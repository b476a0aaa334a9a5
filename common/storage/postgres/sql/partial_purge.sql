-- Removes checkpoints of attempts that ended while they were being saved. $1 page. Returns: ids.
-- Locks: the rows; those that others hold are passed over. Index: jobs_open_pkey; it looks at all
-- checkpoints, which are no more than the workers have slots.
DELETE FROM job_partials p
USING (SELECT id FROM job_partials s
       WHERE NOT EXISTS (SELECT FROM jobs_open j
                         WHERE j.id = ANY (ARRAY[s.id]) AND j.epoch = s.epoch
                             AND j.state IN (4, 5))
       LIMIT $1::int8
       FOR UPDATE SKIP LOCKED) AS old
WHERE p.id = ANY (ARRAY[old.id])
RETURNING p.id
