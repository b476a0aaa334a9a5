-- What a worker holds: id, epoch, state. $1 worker. Index: jobs_active.
SELECT id, epoch, state FROM jobs WHERE worker_id = $1::uuid AND state IN (4, 5)
