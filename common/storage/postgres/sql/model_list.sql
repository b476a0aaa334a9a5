-- Models that were ever announced: queue, model.
SELECT q.name, m.model FROM models m JOIN queues q ON q.id = m.queue_id ORDER BY q.name, m.model
