-- Counts the jobs that wait and run in each lane: queue, priority, queued, scheduled, active, age
-- of the oldest queued job (ms or null), whether the count of waiting jobs is an estimate.
-- $1 the most jobs that it counts: of each lane's queued ones, and of all scheduled ones. $2 the
-- most pairs of a lane and a model whose ages it compares.
-- Indexes: jobs_open_queued, jobs_open_scheduled, jobs_open_active.
WITH RECURSIVE {lane_heads}, oldest AS MATERIALIZED (
    SELECT queue_id, priority, min(queued_at) AS queued_at
    FROM (SELECT * FROM lane_heads LIMIT $2::int8) AS h GROUP BY 1, 2
), scheduled AS MATERIALIZED (
    SELECT queue_id, priority, count(*) AS jobs
    FROM (SELECT queue_id, priority FROM jobs_open WHERE is_scheduled LIMIT $1::int8 + 1) AS counted
    GROUP BY 1, 2
), active AS MATERIALIZED (
    SELECT queue_id, priority, count(*) AS jobs FROM jobs_open WHERE is_active GROUP BY 1, 2
), lane AS (
    SELECT q.id, q.name, p.priority, queued.jobs AS queued, queued.jobs > $1::int8 AS many_queued,
        (SELECT sum(jobs) > $1::int8 FROM scheduled) AS many_scheduled
    FROM queues q
    CROSS JOIN unnest('{0,1,2}'::int2[]) AS p (priority)
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs FROM (
            SELECT FROM jobs_open
            WHERE is_queued AND queue_id = q.id AND priority = p.priority
            ORDER BY model COLLATE "C", queued_at
            LIMIT $1::int8 + 1) AS counted
    ) AS queued
)
SELECT l.name, l.priority,
    CASE WHEN l.many_queued THEN greatest(l.queued, lane_estimate(l.id, l.priority, 3::int2))
         ELSE l.queued END,
    CASE WHEN l.many_scheduled THEN greatest(s.jobs, lane_estimate(l.id, l.priority, 1::int2))
         ELSE coalesce(s.jobs, 0) END,
    coalesce(a.jobs, 0),
    (extract(epoch FROM now() - o.queued_at) * 1000)::int8,
    l.many_queued OR coalesce(l.many_scheduled, false)
FROM lane l
LEFT JOIN oldest o ON o.queue_id = l.id AND o.priority = l.priority
LEFT JOIN scheduled s ON s.queue_id = l.id AND s.priority = l.priority
LEFT JOIN active a ON a.queue_id = l.id AND a.priority = l.priority
ORDER BY l.name, l.priority
