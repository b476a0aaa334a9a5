-- Specs by id. $1 ids. Index: job_specs_pkey.
SELECT s.id, s.spec FROM unnest($1::uuid[]) AS a (id) JOIN job_specs s ON s.id = a.id
