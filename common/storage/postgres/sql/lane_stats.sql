-- What waits and runs in each lane. Indexes: jobs_ready, jobs_scheduled, jobs_active.
SELECT q.name, t.priority, sum(t.queued), sum(t.scheduled), sum(t.active),
    (extract(epoch FROM now() - min(t.oldest)) * 1000)::bigint
FROM (
    SELECT queue_id, priority, count(*) AS queued, 0 AS scheduled, 0 AS active,
        min(queued_at) AS oldest
    FROM jobs WHERE state = 3 GROUP BY 1, 2
    UNION ALL SELECT queue_id, priority, 0, count(*), 0, NULL FROM jobs WHERE state = 1 GROUP BY 1, 2
    UNION ALL
    SELECT queue_id, priority, 0, 0, count(*), NULL FROM jobs WHERE state IN (4, 5) GROUP BY 1, 2
    UNION ALL SELECT id, p, 0, 0, 0, NULL FROM queues, generate_series(0, 2) AS p
) t
JOIN queues q ON q.id = t.queue_id
GROUP BY q.name, t.priority
ORDER BY q.name, t.priority
