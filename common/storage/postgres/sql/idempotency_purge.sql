-- Forgets old idempotency keys. $1 age (s), $2 page. Index: idempotency_keys_age.
DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys WHERE created_at < now() - $1::int8 * interval '1 s'
    ORDER BY created_at LIMIT $2::int4)
