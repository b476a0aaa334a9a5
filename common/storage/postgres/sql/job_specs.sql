-- Specs by id. $1 ids, $2 the least and $3 the greatest of them, which leave most partitions alone.
-- Index: job_specs_*_pkey.
SELECT s.id, s.spec
FROM unnest($1::uuid[]) AS a (id) JOIN job_specs s ON s.id = a.id
WHERE s.id BETWEEN $2::uuid AND $3::uuid
