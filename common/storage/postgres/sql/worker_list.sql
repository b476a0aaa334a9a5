-- All workers that are not purged yet, live ones first.
SELECT w.id, w.name, w.host, w.pid, w.slots, w.queues, w.models, w.state,
    micros(w.started_at),
    (extract(epoch FROM now() - w.heartbeat_at) * 1000)::bigint,
    (SELECT count(*) FROM jobs j WHERE j.worker_id = w.id AND j.state IN (4, 5))
FROM workers w ORDER BY w.state, w.started_at DESC
