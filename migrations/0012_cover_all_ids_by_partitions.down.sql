-- Undoes 0012_cover_all_ids_by_partitions.up.sql: what lies in the first and the last partition goes
-- to DEFAULT.
DO $$
DECLARE
    p text;
    child record;
BEGIN
    FOREACH p IN ARRAY partition_parents() LOOP
        IF to_regclass(p || '_next') IS NOT NULL THEN
            EXECUTE format('DROP TABLE %I', p || '_next');  -- With what was copied.
        END IF;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', p || '_default', p);
        FOR child IN SELECT * FROM partitions WHERE parent = p AND state <> 'next' LOOP
            EXECUTE format('DROP TRIGGER IF EXISTS capture ON %I', child.name);
            IF child.state = 'detached' THEN
                EXECUTE format('DROP TABLE %I', child.name);
            ELSIF child.lower_at = '-infinity' OR child.upper_at = 'infinity' THEN
                EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', p, child.name);
                EXECUTE format('INSERT INTO %I SELECT * FROM %I', p, child.name);
                EXECUTE format('DROP TABLE %I', child.name);
            END IF;
        END LOOP;
    END LOOP;
END $$;
DROP FUNCTION partition_rotate(timestamptz, interval, integer, interval, integer);
DROP FUNCTION partition_step(timestamptz, interval, integer, interval, interval, integer);
DROP FUNCTION partition_next(timestamptz, interval, integer, interval, interval);
DROP FUNCTION partition_swap(text);
DROP FUNCTION partition_is_held(regclass);
DROP FUNCTION partition_copy(integer);
DROP FUNCTION partition_begin(timestamptz[], timestamptz);
DROP FUNCTION partition_capture();
DROP FUNCTION partition_attach(text, text, timestamptz, timestamptz);
DROP FUNCTION partition_create(text, timestamptz, timestamptz, text);
DROP FUNCTION partition_check(timestamptz, timestamptz);
DROP FUNCTION partition_values(timestamptz, timestamptz);
DROP FUNCTION partition_name(text, timestamptz, timestamptz);
DROP FUNCTION partition_floor(timestamptz);
DROP FUNCTION partition_parents();
DROP TABLE partition_recut;
CREATE TEMP TABLE partitions_after ON COMMIT DROP AS
    SELECT lower_at, upper_at FROM partitions
    WHERE parent = 'job_specs' AND state = 'attached'
        AND lower_at > '-infinity' AND upper_at < 'infinity';
DROP TABLE partitions;

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

INSERT INTO partitions SELECT lower_at, upper_at FROM partitions_after;
