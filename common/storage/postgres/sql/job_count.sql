-- Counts the matches among the next jobs in the order of their ids.
-- $1 to $9 which jobs: parts/job_filter.sql; $10 and $11 the ids between which it looks (exclusive),
-- $12 how many jobs it looks at, whether they match or not.
-- Returns: the count, and the last id that it looked at (null: none was left).
-- Indexes: jobs_open_pkey, jobs_open_active, jobs_open_scheduled_ids, jobs_open_errors,
-- jobs_final_*_pkey, jobs_final_*_state_uuid_send_idx, jobs_final_*_left_uuid_send_idx,
-- job_specs_*_pkey, idempotency_keys_pkey.
WITH looked AS MATERIALIZED (
    {all_oldest}
)
SELECT count(*) FILTER (WHERE {job_filter}),
    CASE WHEN count(*) = $12::int8 THEN (SELECT id FROM looked ORDER BY id DESC LIMIT 1) END
FROM looked j
