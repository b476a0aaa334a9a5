-- The next $12 jobs that a filter (job_filter.sql) may include, between the ids $10 and $11
-- (exclusive), newest first.
SELECT * FROM (
    ({among_open_newest})
    UNION ALL
    ({among_final_newest})
) AS j
ORDER BY j.id DESC LIMIT $12::int8
