-- How many jobs there are. $1 to $9 which: parts/job_filter.sql; $10 the most that is counted.
-- Returns: the count. Reads all open or final jobs, or both, until it has found $10.
SELECT count(*) FROM (
    (SELECT j.id FROM jobs_open j WHERE {open_is_wanted} AND {job_filter} LIMIT $10::int8)
    UNION ALL
    (SELECT j.id FROM jobs_final j WHERE {final_is_wanted} AND {job_filter} LIMIT $10::int8)
    LIMIT $10::int8
) AS found
