-- The attempts that a worker holds: id, epoch. $1 worker. Index: jobs_open_active.
SELECT id, epoch FROM jobs_open WHERE is_active AND worker_id = $1::uuid
