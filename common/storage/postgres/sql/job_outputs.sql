-- Outputs by id. $1 ids. Index: job_outputs_pkey.
SELECT o.id, o.output FROM unnest($1::uuid[]) AS a (id) JOIN job_outputs o ON o.id = a.id
