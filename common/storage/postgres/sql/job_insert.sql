-- Inserts jobs without idempotency keys, with their specs.
-- $1 ids, $2 queues, $3 priorities, $4 models, $5 timeouts (ms), $6 start within (ms or null),
-- $7 time to live (ms or null), $8 most attempts, $9 run at (or null), $10 specs, $11 metadata.
-- Returns: id, state of each.
WITH asked AS (
    SELECT *, (run_at IS NOT NULL AND run_at > now()) AS later
    FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::text[], $5::int8[], $6::int8[], $7::int8[],
                $8::int2[], $9::timestamptz[], $10::bytea[], $11::text[])
        AS a (id, queue_id, priority, model, timeout_ms, start_within_ms, ttl_ms, attempts_max,
              run_at, spec, metadata)
), specs AS (
    INSERT INTO job_specs (id, spec, metadata) SELECT id, spec, metadata::jsonb FROM asked
)
INSERT INTO jobs (id, state, queue_id, priority, model, timeout_ms, start_within_ms, attempts_max,
                  run_at, queued_at, start_by, expires_at)
SELECT id, CASE WHEN later THEN 1 ELSE 3 END, queue_id, priority, model, timeout_ms,
       start_within_ms, attempts_max, run_at, CASE WHEN later THEN NULL ELSE now() END,
       CASE WHEN later THEN run_at ELSE now() END + start_within_ms * interval '1 ms',
       now() + ttl_ms * interval '1 ms'
FROM asked
RETURNING id, state
