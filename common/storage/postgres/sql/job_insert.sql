-- Makes jobs, except those whose idempotency key is taken.
-- $1 ids (ascending), $2 queues, $3 priorities, $4 models, $5 timeouts (ms), $6 start within (ms or
-- null), $7 ttl (ms or null), $8 attempts_max, $9 run_at (or null), $10 specs, $11 metadata (or
-- null), $12 retried jobs (or null), $13 client ids (or null), $14 whether the job has a key; $15
-- keys (ascending, each once), $16 their fingerprints, $17 lifetimes (ms, or null: that of the job)
-- and $18 jobs; $19 the jobs of $18 whose key also takes over from an earlier job.
-- Returns: ordinal in $1 and state of each job made.
-- Locks: waits for another transaction that inserts one of the keys. job_specs_pkey guards the ids
-- of both jobs_open and jobs_final.
WITH key AS (
    INSERT INTO idempotency_keys AS k (key, fingerprint, job_id, expires_at)
    SELECT key, fingerprint, job_id, now() + lifetime_ms * interval '1 ms'
    FROM unnest($15::text[], $16::bytea[], $17::int8[], $18::uuid[])
        AS a (key, fingerprint, lifetime_ms, job_id)
    ON CONFLICT (key) DO UPDATE
    SET fingerprint = excluded.fingerprint, job_id = excluded.job_id, created_at = now(),
        expires_at = excluded.expires_at
    WHERE k.job_id <> excluded.job_id
        AND (k.expires_at <= now() OR excluded.job_id = ANY ($19::uuid[]))
    RETURNING job_id
), job AS MATERIALIZED (
    SELECT a.*, CASE WHEN run_at > now() THEN 1 ELSE 3 END AS state,
           greatest(run_at, now()) AS due_at  -- From when its times count.
    FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::text[], $5::int8[], $6::int8[], $7::int8[],
                $8::int4[], $9::timestamptz[], $10::bytea[], $11::text[], $12::uuid[], $13::text[],
                $14::bool[])
        WITH ORDINALITY
        AS a (id, queue_id, priority, model, timeout_ms, start_within_ms, ttl_ms, attempts_max,
              run_at, spec, metadata, retry_of, client_id, has_key, n)
    WHERE NOT has_key OR id IN (SELECT job_id FROM key)
), spec AS (
    INSERT INTO job_specs (id, spec, metadata, retry_of, client_id)
    SELECT id, spec, metadata::jsonb, retry_of, client_id FROM job
), open AS (
    INSERT INTO jobs_open (id, queue_id, priority, state, model, timeout_ms, attempts_max, run_at,
                           queued_at, expires_at, claim_by)
    SELECT id, queue_id, priority, state, model, timeout_ms, attempts_max, run_at,
           CASE state WHEN 3 THEN now() END,
           due_at + ttl_ms * interval '1 ms',
           due_at + least(start_within_ms, ttl_ms) * interval '1 ms'
    FROM job
)
SELECT n, state FROM job
