-- Partitions that cover all ids, and are replaced in small steps that block nobody (decision 0017).
--
-- The DEFAULT partitions go: the first partition has no lower bound (`until`), the last no upper one
-- (`from`), so every id has its place at every moment. A recut replaces neighbours by others of the
-- same range, in transactions of their own:
--   begin   new partitions are made aside, and triggers on the old ones write into both from now on;
--   copy    what is to be kept is copied, a page at a time;
--   swap    old ones leave and new ones come, one table after the other: the only lock that others
--           can feel;
--   drop    the old ones are removed.
-- Whatever step is interrupted, the next call takes it up.
--
-- Locks:     jobs_final, job_specs and job_attempts exclusively, while the rows of their DEFAULT
--            partitions are moved.
-- Old binaries: go on working. Their keepers rotate no partitions: rows land in the last one
--            meanwhile. New ones that come first rotate none either, until this is applied.
-- Programs:  from 0011 on; new ones can do without it.
-- Undo:      0012_cover_all_ids_by_partitions.down.sql
DROP FUNCTION partition_purge_default(timestamptz, integer);
DROP FUNCTION partition_drop(timestamptz, timestamptz, timestamptz, integer);
DROP FUNCTION partition_make(timestamptz, timestamptz);

-- What old keepers call.
CREATE OR REPLACE FUNCTION partition_rotate(
    at timestamptz, width interval, premake integer, retention interval, page integer)
    RETURNS TABLE (made integer, dropped integer, purged integer, too_full integer,
                   in_default integer)
    LANGUAGE sql AS 'SELECT 0, 0, 0, 0, 0';

CREATE FUNCTION partition_parents() RETURNS text[]
    LANGUAGE sql IMMUTABLE
    -- In the order of the swaps: what is read together with others goes before them.
    RETURN ARRAY['jobs_final', 'job_attempts', 'job_specs'];

-- The ids of a range are those from the first floor up to, but not including, the second.
CREATE FUNCTION partition_floor(at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT
    RETURN CASE at WHEN '-infinity' THEN '00000000-0000-0000-0000-000000000000'::uuid
                   WHEN 'infinity' THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
                   ELSE uuid_floor(at) END;

CREATE FUNCTION partition_name(parent text, lower_at timestamptz, upper_at timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT
    RETURN parent || CASE
        WHEN lower_at = '-infinity'
        THEN to_char(upper_at AT TIME ZONE 'UTC', '"_until_"YYYYMMDD"_"HH24MISS')
        WHEN upper_at = 'infinity'
        THEN to_char(lower_at AT TIME ZONE 'UTC', '"_from_"YYYYMMDD"_"HH24MISS')
        ELSE to_char(lower_at AT TIME ZONE 'UTC', '"_"YYYYMMDD"_"HH24MISS') END;

CREATE FUNCTION partition_values(lower_at timestamptz, upper_at timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT
    RETURN 'FOR VALUES FROM ('
        || CASE lower_at WHEN '-infinity' THEN 'MINVALUE'
                         ELSE quote_literal(uuid_floor(lower_at)) END
        || ') TO ('
        || CASE upper_at WHEN 'infinity' THEN 'MAXVALUE'
                         ELSE quote_literal(uuid_floor(upper_at)) END || ')';

-- The same as a constraint, which spares the scan of a table that becomes a partition.
CREATE FUNCTION partition_check(lower_at timestamptz, upper_at timestamptz) RETURNS text
    LANGUAGE sql STABLE STRICT
    RETURN CASE lower_at WHEN '-infinity' THEN 'true'
                         ELSE format('id >= %L::uuid', uuid_floor(lower_at)) END
        || CASE upper_at WHEN 'infinity' THEN ''
                         ELSE format(' AND id < %L::uuid', uuid_floor(upper_at)) END;

CREATE TEMP TABLE partitions_before ON COMMIT DROP AS SELECT * FROM partitions;
DROP TABLE partitions;

CREATE TABLE partitions (
    name      text PRIMARY KEY,
    parent    text NOT NULL,
    lower_at  timestamptz NOT NULL,
    upper_at  timestamptz NOT NULL,
    state     text NOT NULL,
    CONSTRAINT partition_covers_some_time CHECK (lower_at < upper_at),
    CONSTRAINT partition_is_next_attached_or_detached
        CHECK (state IN ('next', 'attached', 'detached'))
);

-- The recut that is under way, if any.
CREATE TABLE partition_recut (
    is_it       boolean PRIMARY KEY DEFAULT true,
    lower_at    timestamptz NOT NULL,
    upper_at    timestamptz NOT NULL,
    keep_since  timestamptz,             -- Jobs that became final before are left out; null: none.
    phase       text NOT NULL,
    after       uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',  -- Copied up to here.
    copied      bigint NOT NULL DEFAULT 0,
    copied_at   timestamptz,
    CONSTRAINT recut_is_only_one CHECK (is_it),
    CONSTRAINT recut_copies_open_then_final_or_all_and_swaps
        CHECK (phase IN ('open', 'final', 'all', 'swap'))
);

-- Makes a table that can become a partition at once.
CREATE FUNCTION partition_create(
    p_parent text, p_lower_at timestamptz, p_upper_at timestamptz, p_state text) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE
    child CONSTANT text := partition_name(p_parent, p_lower_at, p_upper_at);
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL, CONSTRAINT id_is_in_range CHECK (%s))',
                   child, p_parent, partition_check(p_lower_at, p_upper_at));
    INSERT INTO partitions VALUES (child, p_parent, p_lower_at, p_upper_at, p_state);
    RETURN child;
END $$;

CREATE FUNCTION partition_attach(
    p_parent text, child text, p_lower_at timestamptz, p_upper_at timestamptz) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I %s',
                   p_parent, child, partition_values(p_lower_at, p_upper_at));
END $$;

-- Writes a new row of an old partition into its successor, too.
CREATE FUNCTION partition_capture() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I SELECT ($1).* ON CONFLICT DO NOTHING', TG_ARGV[0]) USING NEW;
    RETURN NULL;
END $$;

-- Begins to replace all partitions between the first and the last cut by those between each two.
-- From its commit on no row can be missed: a trigger waits for the writers of the old partition.
CREATE FUNCTION partition_begin(cuts timestamptz[], keep_since timestamptz) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    lowest CONSTANT timestamptz := cuts[1];
    highest CONSTANT timestamptz := cuts[cardinality(cuts)];
    p text;
    child text;
    old text;
BEGIN
    FOREACH p IN ARRAY partition_parents() LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (id)',
                       p || '_next', p);
        FOR i IN 1 .. cardinality(cuts) - 1 LOOP
            child := partition_create(p, cuts[i], cuts[i + 1], 'next');
            PERFORM partition_attach(p || '_next', child, cuts[i], cuts[i + 1]);
        END LOOP;
    END LOOP;
    -- Last, because their locks hold up whoever ends an old job.
    FOREACH p IN ARRAY partition_parents() LOOP
        FOR old IN SELECT name FROM partitions
                   WHERE parent = p AND state = 'attached'
                       AND lower_at >= lowest AND upper_at <= highest LOOP
            EXECUTE format('CREATE TRIGGER capture AFTER INSERT ON %I FOR EACH ROW'
                           ' EXECUTE FUNCTION partition_capture(%L)', old, p || '_next');
        END LOOP;
    END LOOP;
    INSERT INTO partition_recut (lower_at, upper_at, keep_since, phase)
    VALUES (lowest, highest, keep_since, CASE WHEN keep_since IS NULL THEN 'all' ELSE 'open' END);
END $$;

-- Copies what is to be kept of the next `page` jobs of a recut; returns the rows.
--
-- First come the jobs that are open: all of them, as no job of an old partition can be new. Whatever
-- else becomes final has been open then, so its spec is copied, and the triggers see to the rest.
CREATE FUNCTION partition_copy(page integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    r partition_recut;
    p text;
    looked uuid[];
    kept uuid[];
    n integer;
    total integer := 0;
BEGIN
    SELECT * INTO r FROM partition_recut;
    EXECUTE format(
        'SELECT array_agg(id ORDER BY id), array_agg(id) FILTER (WHERE keep) FROM ('
        ' SELECT id, %s AS keep FROM %I WHERE id > %L::uuid AND id >= %L::uuid AND id < %L::uuid'
        ' ORDER BY id LIMIT %s) AS next',
        CASE r.phase WHEN 'final' THEN format('finished_at > %L::timestamptz', r.keep_since)
                     ELSE 'true' END,
        CASE r.phase WHEN 'open' THEN 'jobs_open' WHEN 'final' THEN 'jobs_final'
                     ELSE 'job_specs' END,
        r.after, partition_floor(r.lower_at), partition_floor(r.upper_at), page)
        INTO looked, kept;
    FOREACH p IN ARRAY partition_parents() LOOP
        EXECUTE format('INSERT INTO %I SELECT * FROM %I'
                       ' WHERE id = ANY ($1) AND id >= %L::uuid AND id < %L::uuid'
                       ' ON CONFLICT DO NOTHING',
                       p || '_next', p, partition_floor(r.lower_at), partition_floor(r.upper_at))
            USING kept;
        GET DIAGNOSTICS n = ROW_COUNT;
        total := total + n;
    END LOOP;
    IF coalesce(cardinality(looked), 0) = page THEN
        UPDATE partition_recut SET after = looked[page], copied = copied + total;
    ELSE
        UPDATE partition_recut SET phase = CASE phase WHEN 'open' THEN 'final' ELSE 'swap' END,
            after = DEFAULT, copied = copied + total, copied_at = clock_timestamp();
    END IF;
    RETURN total;
END $$;

-- Whether a transaction that holds a lock of this table does so for longer than a moment. Whoever
-- waits behind it holds up all that come later, so nobody should.
CREATE FUNCTION partition_is_held(p_table regclass) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    holders text[];
BEGIN
    SELECT array_agg(virtualtransaction) INTO holders FROM pg_locks
    WHERE relation = p_table AND granted AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    IF holders IS NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_sleep(0.05);
    RETURN EXISTS (
        SELECT FROM pg_locks
        WHERE relation = p_table AND granted AND virtualtransaction = ANY (holders)
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()));
END $$;

-- Replaces the partitions of one table. Reads and writes of the table wait from the lock on until
-- the commit. Whoever waits sees the new partitions: their rows were committed before.
CREATE FUNCTION partition_swap(p_parent text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r partition_recut;
    child record;
BEGIN
    SELECT * INTO r FROM partition_recut;
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', p_parent);
    FOR child IN SELECT * FROM partitions
                 WHERE parent = p_parent AND state = 'attached'
                     AND lower_at >= r.lower_at AND upper_at <= r.upper_at LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', p_parent, child.name);
        UPDATE partitions SET state = 'detached' WHERE name = child.name;
    END LOOP;
    FOR child IN SELECT * FROM partitions WHERE parent = p_parent AND state = 'next' LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', p_parent || '_next', child.name);
        PERFORM partition_attach(p_parent, child.name, child.lower_at, child.upper_at);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT id_is_in_range', child.name);
        UPDATE partitions SET state = 'attached' WHERE name = child.name;
    END LOOP;
    EXECUTE format('DROP TABLE %I', p_parent || '_next');
    DELETE FROM partition_recut WHERE NOT EXISTS (SELECT FROM partitions WHERE state = 'next');
END $$;

-- What is to be done next: a word for the log, and for a swap or a drop the table.
--
-- Before a swap the copies must have been there for `settled`: a dump whose snapshot is older has
-- locked its tables by then, and is waited for. It could not see the copies.
CREATE FUNCTION partition_next(
    at timestamptz, width interval, premake integer, retention interval, settled interval)
    RETURNS TABLE (step text, subject text, cuts timestamptz[], keep_since timestamptz)
    LANGUAGE plpgsql AS $$
DECLARE
    r partition_recut;
    from_at timestamptz;
    until_at timestamptz;
BEGIN
    SELECT * INTO r FROM partition_recut;
    IF r.phase = 'swap' THEN
        IF r.copied > 0 AND clock_timestamp() < r.copied_at + settled THEN
            step := 'wait';
        ELSE
            step := 'swap';
            SELECT p INTO subject FROM unnest(partition_parents()) WITH ORDINALITY AS u (p, n)
            WHERE EXISTS (SELECT FROM partitions WHERE parent = p AND state = 'next')
            ORDER BY n LIMIT 1;
        END IF;
        RETURN NEXT;
        RETURN;
    ELSIF r.phase IS NOT NULL THEN
        step := 'copy';
        RETURN NEXT;
        RETURN;
    END IF;

    SELECT lower_at INTO from_at FROM partitions WHERE state = 'attached' AND upper_at = 'infinity';
    IF from_at <= at + premake * width THEN
        step := 'begin';
        cuts := ARRAY[from_at];
        -- After a long pause one partition covers all of it.
        IF from_at < date_bin(width, at, 'epoch') THEN
            from_at := date_bin(width, at, 'epoch');
            cuts := cuts || from_at;
        END IF;
        WHILE from_at <= at + premake * width LOOP
            from_at := from_at + width;
            cuts := cuts || from_at;
        END LOOP;
        cuts := cuts || 'infinity'::timestamptz;
        RETURN NEXT;
        RETURN;
    END IF;

    SELECT max(upper_at) INTO until_at FROM partitions
    WHERE state = 'attached' AND lower_at > '-infinity' AND upper_at <= at - retention;
    IF until_at IS NOT NULL THEN
        step := 'begin';
        cuts := ARRAY['-infinity'::timestamptz, until_at];
        keep_since := at - retention;
        RETURN NEXT;
        RETURN;
    END IF;

    SELECT name INTO subject FROM partitions WHERE state = 'detached' ORDER BY name LIMIT 1;
    step := CASE WHEN subject IS NULL THEN 'rest' ELSE 'drop' END;
    RETURN NEXT;
END $$;

-- Does the next step, as of `at`. Returns its name, or 'busy' if it waited for somebody in vain, and
-- how many rows it copied.
CREATE FUNCTION partition_step(
    at timestamptz, width interval, premake integer, retention interval, settled interval,
    page integer) RETURNS TABLE (done text, copied integer)
    LANGUAGE plpgsql AS $$
DECLARE
    todo record;
BEGIN
    SELECT * INTO todo FROM partition_next(at, width, premake, retention, settled);
    done := todo.step;
    copied := 0;
    IF todo.step = 'begin' THEN
        PERFORM partition_begin(todo.cuts, todo.keep_since);
    ELSIF todo.step = 'copy' THEN
        copied := partition_copy(page);
    ELSIF todo.step = 'swap' THEN
        PERFORM partition_swap(todo.subject);
    ELSIF todo.step = 'drop' THEN
        EXECUTE format('DROP TABLE %I', todo.subject);
        DELETE FROM partitions WHERE name = todo.subject;
    END IF;
    RETURN NEXT;
EXCEPTION WHEN lock_not_available THEN
    done := 'busy';
    copied := 0;
    RETURN NEXT;
END $$;

-- What is there is taken over. An empty schema gets four days, so that its first jobs need not move.
DO $$
DECLARE
    p text;
    child text;
    next_at timestamptz;
    b record;
BEGIN
    FOREACH p IN ARRAY partition_parents() LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', p, p || '_default');
        next_at := '-infinity';
        FOR b IN SELECT lower_at, upper_at, true AS is_there FROM partitions_before
                 UNION ALL
                 SELECT day, day + interval '1 day', false
                 FROM generate_series(date_bin('1 day', now(), 'epoch'),
                                      now() + interval '3 days', '1 day') AS day
                 WHERE NOT EXISTS (SELECT FROM partitions_before)
                 ORDER BY 1 LOOP
            IF next_at < b.lower_at THEN
                child := partition_create(p, next_at, b.lower_at, 'attached');
                PERFORM partition_attach(p, child, next_at, b.lower_at);
            END IF;
            IF b.is_there THEN
                INSERT INTO partitions
                VALUES (p || to_char(b.lower_at AT TIME ZONE 'UTC', '"_"YYYYMMDD"_"HH24MISS'), p,
                        b.lower_at, b.upper_at, 'attached');
            ELSE
                child := partition_create(p, b.lower_at, b.upper_at, 'attached');
                PERFORM partition_attach(p, child, b.lower_at, b.upper_at);
            END IF;
            next_at := b.upper_at;
        END LOOP;
        child := partition_create(p, next_at, 'infinity', 'attached');
        PERFORM partition_attach(p, child, next_at, 'infinity');
        FOR child IN SELECT c.conrelid::regclass::text FROM pg_constraint c
                     JOIN partitions n ON n.name = c.conrelid::regclass::text
                     WHERE c.conname = 'id_is_in_range' AND n.parent = p LOOP
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT id_is_in_range', child);
        END LOOP;
        EXECUTE format('INSERT INTO %I SELECT * FROM %I', p, p || '_default');
        EXECUTE format('DROP TABLE %I', p || '_default');
    END LOOP;
END $$;
DROP FUNCTION partition_name(text, timestamptz);
