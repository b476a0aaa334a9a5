-- The age of the first queued job of each lane and model that has one: queue, priority, model, age
-- (ms), the oldest first. $1 limit: if it is reached, the reply is not complete.
-- Index: jobs_open_queued: one probe for each row.
WITH RECURSIVE {lane_heads}
SELECT q.name, h.priority, h.model, (extract(epoch FROM now() - h.queued_at) * 1000)::int8
FROM (SELECT * FROM lane_heads LIMIT $1::int8) AS h JOIN queues q ON q.id = h.queue_id
ORDER BY h.queued_at
