-- Counts the jobs that wait and run in each lane: queue, priority, queued, scheduled, active, age
-- of the oldest queued job (ms or null).
-- Indexes: jobs_open_queued, jobs_open_scheduled, jobs_open_active.
SELECT q.name, t.priority, sum(t.queued), sum(t.scheduled), sum(t.active),
    (extract(epoch FROM now() - min(t.oldest)) * 1000)::int8
FROM (
    SELECT queue_id, priority, count(*) AS queued, 0 AS scheduled, 0 AS active,
        min(queued_at) AS oldest
    FROM jobs_open WHERE is_queued GROUP BY 1, 2
    UNION ALL
    SELECT queue_id, priority, 0, count(*), 0, NULL FROM jobs_open WHERE is_scheduled GROUP BY 1, 2
    UNION ALL
    SELECT queue_id, priority, 0, 0, count(*), NULL FROM jobs_open WHERE is_active GROUP BY 1, 2
    UNION ALL
    SELECT id, p, 0, 0, 0, NULL FROM queues, generate_series(0, 2) AS p
) AS t
JOIN queues q ON q.id = t.queue_id
GROUP BY q.name, t.priority
ORDER BY q.name, t.priority
