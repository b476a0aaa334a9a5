-- Takes the keys of a batch, or finds out who has them.
-- $1 keys (sorted, distinct), $2 fingerprints, $3 job ids. Returns: the keys that were free.
-- Locks: waits for another transaction that inserts one of the keys.
INSERT INTO idempotency_keys (key, fingerprint, job_id)
SELECT key, fingerprint, job_id
FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS a (key, fingerprint, job_id)
ON CONFLICT (key) DO NOTHING
RETURNING key
