-- Undoes 0004_add_retries_and_client_ids.up.sql: jobs stay; what they retry, and their client ids,
-- are forgotten.
DELETE FROM idempotency_keys WHERE strpos(key, ' ') > 0;
DROP INDEX idempotency_keys_of_jobs;
DROP INDEX idempotency_keys_expires_at;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
ALTER TABLE idempotency_keys DROP COLUMN expires_at;
ALTER TABLE job_attempts DROP COLUMN counted_as;
ALTER TABLE job_specs DROP COLUMN client_id, DROP COLUMN retry_of;
