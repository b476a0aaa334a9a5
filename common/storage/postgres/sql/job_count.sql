-- Counts the matches among the next jobs in the order of their ids.
-- $1 to $9 which jobs: parts/job_filter.sql; $10 the id after which it looks, $11 how many jobs it
-- looks at, whether they match or not.
-- Returns: the count, and the last id that it looked at (null: none was left).
-- Indexes: jobs_open_pkey, jobs_final_*_pkey, job_specs_*_pkey, idempotency_keys_pkey.
WITH looked AS MATERIALIZED (
    (SELECT {open_columns} FROM jobs_open j
     WHERE {open_is_wanted} AND j.id > $10::uuid
     ORDER BY j.id LIMIT $11::int8)
    UNION ALL
    (SELECT {final_columns} FROM jobs_final j
     WHERE {final_is_wanted} AND j.id > $10::uuid
     ORDER BY j.id LIMIT $11::int8)
    ORDER BY id LIMIT $11::int8
)
SELECT count(*) FILTER (WHERE {job_filter}),
    CASE WHEN count(*) = $11::int8 THEN (SELECT id FROM looked ORDER BY id DESC LIMIT 1) END
FROM looked j
