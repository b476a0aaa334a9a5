-- Models that were ever announced: queue, model.
SELECT q.name, m.name FROM models m JOIN queues q ON q.id = m.queue_id
