-- Registers a new incarnation and announces its models. $1 id, $2 name, $3 host, $4 pid, $5 slots,
-- $6 queues, $7 models, $8 devices. Repeating it changes nothing, so it is safe after a lost
-- answer.
WITH announced AS (
    INSERT INTO models (queue_id, model)
    SELECT q.id, a.model
    FROM queues q, unnest($7::text[]) AS a (model)
    WHERE q.name = ANY ($6::text[])
        AND NOT EXISTS (SELECT FROM models m WHERE m.queue_id = q.id AND m.model = a.model)
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING
)
INSERT INTO workers (id, name, host, pid, slots, queues, models, devices)
VALUES ($1::uuid, $2::text, $3::text, $4::int4, $5::int4, $6::text[], $7::text[],
    $8::text[])
ON CONFLICT (id) DO NOTHING
