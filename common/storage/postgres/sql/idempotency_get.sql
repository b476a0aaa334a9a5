-- The jobs that hold these keys. $1 keys.
-- Returns: key, fingerprint, job id, the job's state (expired if the job is gone).
-- Index: idempotency_keys_pkey.
SELECT k.key, k.fingerprint, k.job_id, coalesce(j.state, 9)
FROM unnest($1::text[]) AS a (key)
JOIN idempotency_keys k ON k.key = ANY (ARRAY[a.key])
LEFT JOIN jobs j ON j.id = ANY (ARRAY[k.job_id])
