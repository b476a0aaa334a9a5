-- The next $12 jobs that a filter (job_filter.sql) may include, between the ids $10 and $11
-- (exclusive), oldest first.
SELECT * FROM (
    ({among_open_oldest})
    UNION ALL
    ({among_final_oldest})
) AS j
ORDER BY j.id LIMIT $12::int8
