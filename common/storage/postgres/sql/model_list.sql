-- Models ever announced: queue, model, whether a worker that takes jobs serves it now.
SELECT q.name, m.model, served.model IS NOT NULL
FROM models m
JOIN queues q ON q.id = m.queue_id
LEFT JOIN (
    SELECT DISTINCT queue, model
    FROM workers w, unnest(w.queues) AS queue, unnest(w.models) AS model
    WHERE w.state = 1
) AS served ON served.queue = q.name AND served.model = m.model
ORDER BY q.name, m.model
