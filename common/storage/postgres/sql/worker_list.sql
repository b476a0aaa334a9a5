-- Workers that are not purged yet, live ones first and then the newest; at most $1.
-- Index: jobs_open_active.
SELECT w.id, w.name, w.host, w.pid, w.slots, w.queues, w.models, w.devices, w.state,
    micros(w.started_at), (extract(epoch FROM now() - w.heard_at) * 1000)::int8,
    (SELECT count(*) FROM jobs_open j WHERE j.is_active AND j.worker_id = w.id)
FROM workers w
ORDER BY w.state, w.started_at DESC
LIMIT $1::int8
