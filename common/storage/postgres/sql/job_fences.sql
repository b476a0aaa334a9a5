-- Jobs' states and fences as they are now: id, state, epoch, worker. $1 ids. Index: jobs_pkey.
SELECT j.id, j.state, j.epoch, j.worker_id
FROM unnest($1::uuid[]) AS a (id) JOIN jobs j ON j.id = a.id
