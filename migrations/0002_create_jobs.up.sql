-- Jobs: open ones in a small hot table, final ones in partitions that are only written once.
--
-- A job is in exactly one of jobs_open and jobs_final. It moves over, in one statement, when it
-- reaches a final state: so a final state cannot change, and only one can be recorded
-- (bench/store_hot_path measures it).
--
-- The numbers of states, priorities and outcomes are those of common/job; a test compares them.
--
-- Locks:     none that matters, all tables are new.
-- Old binaries: do not know these tables.
-- Programs:  from 0002 on; new ones need it.
-- Undo:      0002_create_jobs.down.sql

-- The smallest UUIDv7 of a point in time: ids sort by creation.
CREATE FUNCTION uuid_floor(at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || repeat('0', 20))::uuid;

-- Columns in falling order of alignment. The generated columns stand in the predicates of the
-- indexes, and hot statements speak of `state` only: so the planner cannot mistake an index of
-- many jobs for a way to one of them.
CREATE TABLE jobs_open (
    id                uuid PRIMARY KEY,
    worker_id         uuid,         -- While active.
    epoch             bigint NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    queued_at         timestamptz,  -- Since when it is ready to run, or was the last time.
    run_at            timestamptz,  -- While scheduled: until when. Later only for people.
    claim_by          timestamptz,  -- While waiting: expired if not claimed by then.
    expires_at        timestamptz,
    started_at        timestamptz,  -- Of the last attempt.
    attempt_deadline  timestamptz,  -- While active.
    timeout_ms        bigint NOT NULL,
    attempt           integer NOT NULL DEFAULT 0,
    failures          integer NOT NULL DEFAULT 0,
    interruptions     integer NOT NULL DEFAULT 0,
    losses            integer NOT NULL DEFAULT 0,
    attempts_max      integer NOT NULL,
    queue_id          smallint NOT NULL,
    priority          smallint NOT NULL,
    state             smallint NOT NULL,
    is_scheduled      boolean GENERATED ALWAYS AS (state = 1) STORED,
    is_queued         boolean GENERATED ALWAYS AS (state = 3) STORED,
    is_active         boolean GENERATED ALWAYS AS (state IN (4, 5)) STORED,
    model             text NOT NULL,
    error_code        text,         -- Of the last attempt that ended.
    error_message     text,
    CONSTRAINT job_is_open CHECK (state BETWEEN 1 AND 5),
    CONSTRAINT priority_is_known CHECK (priority BETWEEN 0 AND 2),
    CONSTRAINT active_job_has_a_worker_and_a_deadline CHECK (
        (state IN (4, 5)) = (worker_id IS NOT NULL)
        AND (state IN (4, 5)) = (attempt_deadline IS NOT NULL)),
    CONSTRAINT waiting_job_knows_for_what CHECK (
        (state <> 1 OR run_at IS NOT NULL) AND (state <> 3 OR queued_at IS NOT NULL)),
    CONSTRAINT only_waiting_job_must_be_claimed CHECK (claim_by IS NULL OR state <= 3)
) WITH (
    -- A claim finds room for the new version on the same page, which makes its WAL record small.
    fillfactor = 60,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);

CREATE INDEX jobs_open_queued ON jobs_open (queue_id, priority, id) WHERE is_queued;
CREATE INDEX jobs_open_active ON jobs_open (worker_id) WHERE is_active;
CREATE INDEX jobs_open_scheduled ON jobs_open (run_at) WHERE is_scheduled;
CREATE INDEX jobs_open_claim_by ON jobs_open (claim_by) WHERE claim_by IS NOT NULL;

CREATE TABLE jobs_final (
    id                 uuid NOT NULL,
    worker_id          uuid,         -- Of the last attempt, if it ended the job.
    epoch              bigint NOT NULL,
    created_at         timestamptz NOT NULL,
    queued_at          timestamptz,
    run_at             timestamptz,
    expires_at         timestamptz,
    started_at         timestamptz,
    finished_at        timestamptz NOT NULL,
    prompt_tokens      bigint NOT NULL DEFAULT 0,
    completion_tokens  bigint NOT NULL DEFAULT 0,
    attempt            integer NOT NULL,
    failures           integer NOT NULL,
    interruptions      integer NOT NULL,
    attempts_max       integer NOT NULL,
    queue_id           smallint NOT NULL,
    priority           smallint NOT NULL,
    state              smallint NOT NULL,
    model              text NOT NULL,
    error_code         text,
    error_message      text,
    output             text COMPRESSION lz4,
    PRIMARY KEY (id),
    CONSTRAINT job_is_final CHECK (state BETWEEN 6 AND 9),
    CONSTRAINT only_completed_job_has_an_output CHECK ((state = 6) = (output IS NOT NULL))
) PARTITION BY RANGE (id);
CREATE TABLE jobs_final_default PARTITION OF jobs_final DEFAULT;

-- Every job's, from its submission on: its key is what makes a job's id unique over both tables.
CREATE TABLE job_specs (
    id        uuid NOT NULL,
    spec      bytea COMPRESSION lz4 NOT NULL,  -- A millrace.v1.JobSpec.
    metadata  jsonb,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE TABLE job_specs_default PARTITION OF job_specs DEFAULT;

-- Attempts that are over and did not complete their job.
CREATE TABLE job_attempts (
    id             uuid NOT NULL,
    epoch          bigint NOT NULL,
    worker_id      uuid NOT NULL,
    started_at     timestamptz NOT NULL,
    ended_at       timestamptz NOT NULL DEFAULT now(),
    outcome        smallint NOT NULL,
    worker_name    text NOT NULL,
    error_code     text,
    error_message  text,
    PRIMARY KEY (id, epoch),
    CONSTRAINT outcome_is_known_and_not_completed CHECK (outcome BETWEEN 2 AND 8)
) PARTITION BY RANGE (id);
CREATE TABLE job_attempts_default PARTITION OF job_attempts DEFAULT;

-- Checkpoints of running attempts: at most one a job, gone when the attempt ends.
CREATE TABLE job_partials (
    id        uuid PRIMARY KEY,
    epoch     bigint NOT NULL,
    sequence  bigint NOT NULL,
    text      text COMPRESSION lz4 NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE idempotency_keys (
    key          text PRIMARY KEY,
    fingerprint  bytea NOT NULL,
    job_id       uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fingerprint_is_a_sha256 CHECK (length(fingerprint) = 32)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- All jobs alike, for reading.
CREATE VIEW jobs AS
    SELECT id, state, queue_id, priority, model, epoch, attempt, failures, interruptions,
           attempts_max, worker_id, created_at, run_at, queued_at, started_at,
           NULL::timestamptz AS finished_at, expires_at, error_code, error_message,
           0::bigint AS prompt_tokens, 0::bigint AS completion_tokens, NULL::text AS output
    FROM jobs_open
    UNION ALL
    SELECT id, state, queue_id, priority, model, epoch, attempt, failures, interruptions,
           attempts_max, worker_id, created_at, run_at, queued_at, started_at,
           finished_at, expires_at, error_code, error_message,
           prompt_tokens, completion_tokens, output
    FROM jobs_final;
