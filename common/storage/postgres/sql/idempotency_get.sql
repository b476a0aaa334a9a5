-- Who has these keys. $1 keys, $2 fingerprints (parallel).
-- Returns: key, fingerprint asked with, whether it is the owner's, job id, the job's state (that of
-- a completed one where the job is gone).
SELECT a.key, a.fingerprint, k.fingerprint = a.fingerprint, k.job_id, coalesce(j.state, 6)
FROM unnest($1::text[], $2::bytea[]) AS a (key, fingerprint)
JOIN idempotency_keys k ON k.key = a.key
LEFT JOIN jobs j ON j.id = k.job_id
