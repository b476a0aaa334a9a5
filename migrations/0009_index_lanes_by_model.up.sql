-- Finds the first job that waits for a model in a lane, however many wait for others; and estimates
-- how many wait, where counting them takes too long.
--
-- Locks:     jobs_open against writes, while the new index is built: some seconds for each million
--            queued jobs.
-- Old binaries: do not start any more; those that run find jobs to steal more slowly, if many wait.
-- Programs:  from 0009 on; new ones need it.
-- Undo:      0009_index_lanes_by_model.down.sql

-- In the order of `queued_at`, a job that is queued again comes last: whoever goes through a lane
-- need not look back. Equal entries, such as those of one call, are stored once.
DROP INDEX jobs_open_queued;
CREATE INDEX jobs_open_queued ON jobs_open (queue_id, priority, model COLLATE "C", queued_at)
    WHERE is_queued;

-- The columns depend on each other: a queue may have jobs of one priority only.
CREATE STATISTICS jobs_open_lanes (mcv) ON queue_id, priority, state FROM jobs_open;
ANALYZE jobs_open;

-- The planner's estimate, which autovacuum keeps right to within some per cent.
CREATE FUNCTION lane_estimate(queue_id smallint, priority smallint, state smallint) RETURNS bigint
    LANGUAGE plpgsql STRICT AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM jobs_open'
                   ' WHERE queue_id = %s AND priority = %s AND state = %s',
                   queue_id, priority, state) INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8::bigint;
END $$;
