-- The partitions of jobs_final, job_specs and job_attempts: made ahead, dropped when old.
--
-- All three are cut at the same ids. What is known about a cut stands in `partitions`; rows outside
-- of all of them, and what a dropped partition still had to keep, live in the DEFAULT partitions.
--
-- Locks:     none that matters, all is new.
-- Old binaries: write to the DEFAULT partitions as before.
-- Programs:  from 0003 on; new ones need it.
-- Undo:      0003_create_partition_rotate.down.sql

CREATE TABLE partitions (
    lower_at  timestamptz PRIMARY KEY,
    upper_at  timestamptz NOT NULL UNIQUE,
    CONSTRAINT partition_is_not_empty CHECK (lower_at < upper_at)
);

CREATE FUNCTION partition_name(parent text, lower_at timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT
    RETURN parent || to_char(lower_at AT TIME ZONE 'UTC', '"_"YYYYMMDD"_"HH24MISS');

-- Rows that are in DEFAULT already move over: PostgreSQL would refuse the partition otherwise.
CREATE FUNCTION partition_make(lower_at timestamptz, upper_at timestamptz) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    child text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['jobs_final', 'job_specs', 'job_attempts'] LOOP
        child := partition_name(parent, lower_at);
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', child, parent);
        EXECUTE format(
            'WITH moved AS (DELETE FROM %I WHERE id >= %L AND id < %L RETURNING *)'
            ' INSERT INTO %I SELECT * FROM moved',
            parent || '_default', uuid_floor(lower_at), uuid_floor(upper_at), child);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       parent, child, uuid_floor(lower_at), uuid_floor(upper_at));
    END LOOP;
    INSERT INTO partitions VALUES (lower_at, upper_at);
END $$;

-- Drops one partition of each table, and first brings to DEFAULT what has to be kept: all of a job
-- that is open, or became final after `keep_since`. Returns false, and does nothing, when those are
-- more than `survivors_max`.
CREATE FUNCTION partition_drop(
    p_lower_at timestamptz, p_upper_at timestamptz, keep_since timestamptz, survivors_max integer)
    RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    lower_id CONSTANT uuid := uuid_floor(p_lower_at);
    upper_id CONSTANT uuid := uuid_floor(p_upper_at);
    survivors uuid[];
    parent text;
    child text;
BEGIN
    -- Before anything is counted: no job may become final meanwhile.
    LOCK TABLE jobs_final, job_specs, job_attempts IN ACCESS EXCLUSIVE MODE;
    SELECT array_agg(id) INTO survivors FROM (
        SELECT id FROM jobs_open WHERE id >= lower_id AND id < upper_id
        UNION ALL
        SELECT id FROM jobs_final
        WHERE id >= lower_id AND id < upper_id AND finished_at > keep_since
        LIMIT survivors_max + 1) AS kept;
    IF cardinality(survivors) > survivors_max THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['jobs_final', 'job_specs', 'job_attempts'] LOOP
        child := partition_name(parent, p_lower_at);
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, child);
        EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE id = ANY ($1)',
                       parent || '_default', child) USING survivors;
        EXECUTE format('DROP TABLE %I', child);
    END LOOP;
    DELETE FROM partitions WHERE lower_at = p_lower_at;
    RETURN true;
END $$;

-- Removes from DEFAULT, a page at a time, what became final before `keep_since`.
CREATE FUNCTION partition_purge_default(keep_since timestamptz, page integer) RETURNS integer
    LANGUAGE plpgsql AS $$
DECLARE
    old uuid[];
BEGIN
    SELECT array_agg(id) INTO old FROM (
        SELECT id FROM jobs_final_default WHERE finished_at <= keep_since LIMIT page) AS gone;
    DELETE FROM jobs_final_default WHERE id = ANY (old);
    DELETE FROM job_specs_default WHERE id = ANY (old);
    DELETE FROM job_attempts_default WHERE id = ANY (old);
    RETURN coalesce(cardinality(old), 0);
END $$;

-- One round of the duty, as of `at`. `too_full`: old partitions that had to stay. `in_default`:
-- rows of jobs_final outside of all partitions, counted up to `page`.
CREATE FUNCTION partition_rotate(
    at timestamptz, width interval, premake integer, retention interval, page integer)
    RETURNS TABLE (made integer, dropped integer, purged integer, too_full integer,
                   in_default integer)
    LANGUAGE plpgsql AS $$
DECLARE
    next_at timestamptz;
    old record;
BEGIN
    made := 0;
    dropped := 0;
    too_full := 0;
    SELECT max(upper_at) INTO next_at FROM partitions;
    -- Also after a long pause: the gap stays in DEFAULT.
    next_at := greatest(next_at, date_bin(width, at, 'epoch'));
    WHILE next_at <= at + premake * width LOOP
        PERFORM partition_make(next_at, next_at + width);
        next_at := next_at + width;
        made := made + 1;
    END LOOP;
    FOR old IN SELECT * FROM partitions WHERE upper_at <= at - retention ORDER BY lower_at LOOP
        IF partition_drop(old.lower_at, old.upper_at, at - retention, page) THEN
            dropped := dropped + 1;
        ELSE
            too_full := too_full + 1;
        END IF;
    END LOOP;
    purged := partition_purge_default(at - retention, page);
    SELECT count(*) INTO in_default FROM (SELECT FROM jobs_final_default LIMIT page) AS found;
    RETURN NEXT;
END $$;
