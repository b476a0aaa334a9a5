-- Forgets old idempotency keys. $1 age (s), $2 page. Returns: keys.
-- Locks: the rows; those that others hold are passed over. Index: idempotency_keys_created_at.
DELETE FROM idempotency_keys k
USING (SELECT key FROM idempotency_keys
       WHERE created_at < now() - $1::int8 * interval '1 s'
       ORDER BY created_at LIMIT $2::int8
       FOR UPDATE SKIP LOCKED) AS old
WHERE k.key = old.key
RETURNING k.key
