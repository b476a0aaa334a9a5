-- Jobs by the ids that their clients gave them. $1 client ids. Returns: client id, job id.
-- Index: idempotency_keys_pkey.
SELECT a.client_id, k.job_id
FROM unnest($1::text[]) AS a (client_id)
JOIN idempotency_keys k ON k.key = ANY (ARRAY['id ' || a.client_id])
