-- Partitions by time: the ids of jobs begin with their time, so a range of ids is a span of time.
--
-- Locks: making a partition takes SHARE UPDATE EXCLUSIVE on the parent and, to prove that no row of
-- the default partition belongs into the new one, ACCESS EXCLUSIVE on the default; it is nearly
-- empty. Undo: 0002_rotate_partitions.down.sql.

-- The smallest UUIDv7 of a point in time.
CREATE FUNCTION uuid_at(t timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- Makes the partitions that are missing and drops those past retention; returns how many.
--
-- Names carry the span: jobs_p20261121000000. Survivors of an old partition (jobs that are not
-- final) are moved to the default partition, which always exists, before it goes.
CREATE FUNCTION rotate_partitions(span interval, premake int, retention interval) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    tables CONSTANT text[] := ARRAY['jobs', 'job_specs', 'job_outputs', 'job_attempts'];
    changed int := 0;
    parent text;
    child text;
    from_time timestamptz;
    to_time timestamptz;
    cut CONSTANT uuid := uuid_at(now() - retention);
    old record;
BEGIN
    FOR i IN 0..premake LOOP
        from_time := date_bin(span, now() + i * span, 'epoch'::timestamptz);
        to_time := from_time + span;
        FOREACH parent IN ARRAY tables LOOP
            child := parent || '_p' || to_char(from_time AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS');
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           child, parent, uuid_at(from_time), uuid_at(to_time));
            IF parent = 'jobs' THEN
                EXECUTE format('ALTER TABLE %I SET (fillfactor = 70, '
                    'autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, '
                    'autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, '
                    'autovacuum_analyze_threshold = 5000, vacuum_truncate = off)', child);
            END IF;
            changed := changed + 1;
        END LOOP;
    END LOOP;
    FOR old IN
        SELECT substring(c.relname FROM 7) AS suffix,
            (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::uuid AS upper
        FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
        WHERE h.inhparent = 'jobs'::regclass AND c.relname LIKE 'jobs_p%'
    LOOP
        CONTINUE WHEN old.upper > cut;
        FOREACH parent IN ARRAY tables LOOP
            EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, parent || '_p' || old.suffix);
        END LOOP;
        FOREACH parent IN ARRAY tables LOOP
            EXECUTE format('INSERT INTO %I SELECT t.* FROM %I t WHERE t.id IN '
                           '(SELECT id FROM %I WHERE state < 6)',
                           parent, parent || '_p' || old.suffix, 'jobs_p' || old.suffix);
        END LOOP;
        FOREACH parent IN ARRAY tables LOOP
            EXECUTE format('DROP TABLE %I', parent || '_p' || old.suffix);
            changed := changed + 1;
        END LOOP;
    END LOOP;
    RETURN changed;
END $$;

SELECT rotate_partitions('1 day', 3, '7 days');
