-- Undoes 0009_index_lanes_by_model.up.sql.
DROP FUNCTION lane_estimate(smallint, smallint, smallint);
DROP STATISTICS jobs_open_lanes;
DROP INDEX jobs_open_queued;
CREATE INDEX jobs_open_queued ON jobs_open (queue_id, priority, id) WHERE is_queued;
