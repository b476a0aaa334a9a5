-- Specs by id. $1 ids, $2 the least and $3 the greatest of them, which leave most partitions alone.
-- Index: job_specs_*_pkey.
-- OFFSET 0 makes it one probe an id: the bounds alone would look like a way to the rows.
SELECT a.id, s.spec
FROM unnest($1::uuid[]) AS a (id)
CROSS JOIN LATERAL (
    SELECT spec FROM job_specs
    WHERE job_specs.id = a.id AND job_specs.id BETWEEN $2::uuid AND $3::uuid OFFSET 0
) AS s
