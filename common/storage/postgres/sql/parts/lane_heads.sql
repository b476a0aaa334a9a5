-- The first queued job of each lane and model: queue_id, priority, model, queued_at. Each probe of
-- jobs_open_queued starts after the lane and model that was found last, and so skips their other
-- jobs.
lane_heads AS (
    (SELECT queue_id, priority, model, queued_at FROM jobs_open
     WHERE is_queued
     ORDER BY queue_id, priority, model COLLATE "C", queued_at
     LIMIT 1)
    UNION ALL
    SELECT next.* FROM lane_heads h CROSS JOIN LATERAL (
        SELECT queue_id, priority, model, queued_at FROM jobs_open
        WHERE is_queued AND (queue_id, priority, model COLLATE "C", queued_at)
            > (h.queue_id, h.priority, h.model COLLATE "C", 'infinity')
        ORDER BY queue_id, priority, model COLLATE "C", queued_at
        LIMIT 1
    ) AS next
)
