-- The states of jobs. $1 ids. Returns: id, state, epoch, worker.
-- Indexes: jobs_open_pkey, jobs_final_*_pkey.
SELECT j.id, j.state, j.epoch, j.worker_id
FROM unnest($1::uuid[]) AS a (id) JOIN jobs j ON j.id = ANY (ARRAY[a.id])
