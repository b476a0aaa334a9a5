-- What a job retries, the id that its client gave it, how long keys live, and what an attempt
-- counted as.
--
-- One table of keys serves all ways in which a second submission can mean the first one's job. The
-- first word of a key says which: an Idempotency-Key has no blank, all others have (decision 0006).
--
-- Locks:     job_specs, job_attempts and idempotency_keys exclusively, while the attempts are checked
--            and the keys of a day are indexed; no row is written.
-- Old binaries: go on working, but do not start any more. Their keepers forget every key after
--            idempotency.ttl: let them end within that.
-- Programs:  from 0004 on; new ones need it.
-- Undo:      0004_add_retries_and_client_ids.down.sql

-- Known at submission and never changed, as the spec itself: read with it, at no further cost.
ALTER TABLE job_specs
    ADD COLUMN retry_of uuid,    -- The job that this one retries; it may be gone.
    ADD COLUMN client_id text;   -- Of PUT.

-- The numbers are those of storage::CountedAs.
ALTER TABLE job_attempts
    ADD COLUMN counted_as smallint,
    ADD CONSTRAINT counted_as_failure_interruption_or_loss CHECK (counted_as BETWEEN 1 AND 3);

-- The default is for keys that are there, and for old binaries.
ALTER TABLE idempotency_keys
    ADD COLUMN expires_at timestamptz DEFAULT now() + interval '1 day';  -- Null: with its job.

DROP INDEX idempotency_keys_created_at;
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at)
    WHERE expires_at IS NOT NULL;
CREATE INDEX idempotency_keys_of_jobs ON idempotency_keys (created_at) WHERE expires_at IS NULL;
