-- Names that jobs refer to, and the workers that run them.
--
-- Locks:     none that matters, all tables are new.
-- Old binaries: do not know these tables.
-- Programs:  from 0001 on; new ones need it.
-- Undo:      0001_create_queues_and_workers.down.sql

-- Microseconds since 1970: how every point in time leaves the database.
CREATE FUNCTION micros(at timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (extract(epoch FROM at) * 1000000)::bigint;

CREATE TABLE queues (
    id          smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- What any worker of the queue has ever announced.
CREATE TABLE models (
    queue_id    smallint NOT NULL REFERENCES queues (id),
    model       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (queue_id, model)
);

-- One row an incarnation. A heartbeat touches no indexed column: with room in the page it is HOT.
CREATE TABLE workers (
    id          uuid PRIMARY KEY,
    heartbeats  bigint NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL DEFAULT now(),
    heard_at    timestamptz NOT NULL DEFAULT now(),
    pid         integer NOT NULL,
    slots       integer NOT NULL,
    state       smallint NOT NULL DEFAULT 1,
    name        text NOT NULL,
    host        text NOT NULL,
    queues      text[] NOT NULL,
    models      text[] NOT NULL,
    CONSTRAINT worker_is_alive_draining_stopped_or_lost CHECK (state BETWEEN 1 AND 4)
) WITH (fillfactor = 50);

-- A few rows for the readiness probe to write to: it proves that a commit is possible.
CREATE TABLE store_probes (
    slot        smallint PRIMARY KEY,
    probed_at   timestamptz NOT NULL
) WITH (fillfactor = 50);
