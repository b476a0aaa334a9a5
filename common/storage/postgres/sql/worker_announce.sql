-- Sets the models that a worker serves from now on. $1 worker, $2 models. Repeating it changes
-- nothing, and a worker that was lost or has stopped stays as it was.
-- Locks: the worker's row. Index: workers_pkey.
WITH serving AS (
    UPDATE workers SET models = $2::text[]
    WHERE id = $1::uuid AND state IN (1, 2)
    RETURNING queues
)
INSERT INTO models (queue_id, model)
SELECT q.id, a.model
FROM serving s, queues q, unnest($2::text[]) AS a (model)
WHERE q.name = ANY (s.queues)
    AND NOT EXISTS (SELECT FROM models m WHERE m.queue_id = q.id AND m.model = a.model)
ORDER BY 1, 2
ON CONFLICT DO NOTHING
