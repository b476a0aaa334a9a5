-- The age of the first queued job of each lane, counted from its creation: queue, priority, age
-- (ms; 0 if none is queued). Ids sort by creation, so no other job of the lane is older or has been
-- queued for longer.
-- Index: jobs_open_queued: one probe per lane.
SELECT q.name, p.priority, coalesce((extract(epoch FROM now() - first.created_at) * 1000)::int8, 0)
FROM queues q
CROSS JOIN generate_series(0, 2) AS p (priority)
LEFT JOIN LATERAL (
    SELECT created_at FROM jobs_open
    WHERE is_queued AND queue_id = q.id AND priority = p.priority
    ORDER BY queue_id, priority, id
    LIMIT 1
) AS first ON true
