-- The tables of jobs, workers and queues.
--
-- Locks: none that anybody waits for; everything is new. Undo: 0001_create_jobs.down.sql, which
-- deletes all jobs.

CREATE TABLE queues (
    id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

-- Models that some worker of a queue has ever announced.
CREATE TABLE models (
    queue_id smallint NOT NULL REFERENCES queues,
    name text NOT NULL,
    PRIMARY KEY (queue_id, name)
);

-- Points in time as microseconds since 1970, as the programs speak of them.
CREATE FUNCTION micros(t timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
    RETURN (extract(epoch FROM t) * 1000000)::bigint;

-- The hot row of a job. Wide values live in insert-only tables beside it. `ready` and `active`
-- repeat the state for the partial indexes: their predicates change only where a row has to enter
-- or leave the index.
CREATE TABLE jobs (
    id uuid NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    worker_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    queued_at timestamptz,
    run_at timestamptz,
    start_by timestamptz,
    expires_at timestamptz,
    started_at timestamptz,
    attempt_deadline timestamptz,
    finished_at timestamptz,
    timeout_ms bigint NOT NULL,
    start_within_ms bigint,
    prompt_tokens bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    queue_id smallint NOT NULL,
    priority smallint NOT NULL,
    state smallint NOT NULL,
    attempt smallint NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0,
    interruptions smallint NOT NULL DEFAULT 0,
    losses smallint NOT NULL DEFAULT 0,
    attempts_max smallint NOT NULL,
    model text NOT NULL,
    error_code text,
    error_message text,
    PRIMARY KEY (id),
    CONSTRAINT state_is_known CHECK (state BETWEEN 1 AND 9),
    CONSTRAINT priority_is_known CHECK (priority BETWEEN 0 AND 2),
    CONSTRAINT final_has_an_end CHECK ((state >= 6) = (finished_at IS NOT NULL)),
    CONSTRAINT active_has_a_worker CHECK (state NOT IN (4, 5) OR worker_id IS NOT NULL),
    CONSTRAINT waiting_has_no_worker CHECK (state NOT IN (1, 2, 3) OR worker_id IS NULL)
) PARTITION BY RANGE (id);

CREATE INDEX jobs_ready ON jobs (queue_id, priority, id) WHERE state = 3;
CREATE INDEX jobs_active ON jobs (worker_id) WHERE state IN (4, 5);
CREATE INDEX jobs_scheduled ON jobs (run_at) WHERE state = 1;
CREATE INDEX jobs_expiring ON jobs ((least(CASE WHEN attempt = 0 THEN start_by END, expires_at)))
    WHERE state IN (1, 2, 3);

CREATE TABLE job_specs (
    id uuid PRIMARY KEY,
    spec bytea NOT NULL,
    metadata jsonb
) PARTITION BY RANGE (id);

CREATE TABLE job_outputs (
    id uuid PRIMARY KEY,
    epoch bigint NOT NULL,
    output text NOT NULL
) PARTITION BY RANGE (id);

-- Attempts that did not end their job; the one that did is the job's own row.
CREATE TABLE job_attempts (
    id uuid NOT NULL,
    epoch bigint NOT NULL,
    worker_id uuid,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT now(),
    outcome smallint NOT NULL,
    error_code text,
    error_message text,
    PRIMARY KEY (id, epoch)
) PARTITION BY RANGE (id);

CREATE TABLE job_partials (
    id uuid PRIMARY KEY,
    epoch bigint NOT NULL,
    sequence bigint NOT NULL,
    text text NOT NULL
);

CREATE TABLE workers (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    slots integer NOT NULL,
    queues text[] NOT NULL,
    models text[] NOT NULL,
    state smallint NOT NULL DEFAULT 1,
    heartbeats bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT worker_state_is_known CHECK (state BETWEEN 1 AND 4)
) WITH (fillfactor = 50);

CREATE TABLE idempotency_keys (
    key text PRIMARY KEY,
    fingerprint bytea NOT NULL,
    job_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- What a gateway writes and rolls back to prove that it can commit.
CREATE TABLE store_probe (at timestamptz NOT NULL);

-- Rows that no partition of time covers.
CREATE TABLE jobs_default PARTITION OF jobs DEFAULT;
CREATE TABLE job_specs_default PARTITION OF job_specs DEFAULT;
CREATE TABLE job_outputs_default PARTITION OF job_outputs DEFAULT;
CREATE TABLE job_attempts_default PARTITION OF job_attempts DEFAULT;
