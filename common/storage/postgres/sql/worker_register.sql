-- A new incarnation. $1 id, $2 name, $3 host, $4 pid, $5 slots, $6 queues, $7 models.
WITH announced AS (
    INSERT INTO models (queue_id, name)
    SELECT q.id, m FROM queues q, unnest($7::text[]) AS m WHERE q.name = ANY ($6::text[])
    ON CONFLICT DO NOTHING
)
INSERT INTO workers (id, name, host, pid, slots, queues, models)
VALUES ($1::uuid, $2::text, $3::text, $4::int4, $5::int4, $6::text[], $7::text[])
ON CONFLICT (id) DO NOTHING
