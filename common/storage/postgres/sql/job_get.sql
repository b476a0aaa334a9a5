-- Jobs by id. $1 ids, $2 the lowest and $3 the highest of them, which rule out most partitions; $4
-- whether to include the spec, $5 the output, $6 the partial output. Returns: the columns of
-- job_list_*, then spec, output, partial text, its sequence. Indexes: jobs_open_pkey,
-- jobs_final_*_pkey, job_specs_*_pkey, job_partials_pkey. For jobs that failed, expired or were
-- cancelled, idempotency_keys_pkey too, to find their retries; other jobs do not pay for that. Each
-- OFFSET 0 makes the planner look up each id; without it, the planner may read all rows between the
-- bounds.
SELECT {job_columns},
    CASE WHEN $4::bool THEN s.spec END, CASE WHEN $5::bool THEN j.output END, p.text, p.sequence
FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (
    SELECT * FROM jobs WHERE jobs.id = a.id AND jobs.id BETWEEN $2::uuid AND $3::uuid OFFSET 0
) AS j
CROSS JOIN LATERAL (
    SELECT spec, metadata, retry_of, client_id FROM job_specs
    WHERE job_specs.id = a.id AND job_specs.id BETWEEN $2::uuid AND $3::uuid OFFSET 0
) AS s
JOIN queues q ON q.id = j.queue_id
LEFT JOIN workers w ON w.id = j.worker_id
LEFT JOIN job_partials p
    ON $6::bool AND p.id = ANY (ARRAY[a.id]) AND p.epoch = j.epoch AND j.state IN (4, 5)
