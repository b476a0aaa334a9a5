-- Specs by id. $1 ids, $2 the lowest and $3 the highest of them, which rule out most partitions.
-- Index: job_specs_*_pkey. OFFSET 0 makes the planner look up each id; without it, the planner may
-- read all rows between the bounds.
SELECT a.id, s.spec
FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (
    SELECT spec FROM job_specs
    WHERE job_specs.id = a.id AND job_specs.id BETWEEN $2::uuid AND $3::uuid OFFSET 0
) AS s
