-- Partial outputs by id, of the attempt that runs. $1 ids. Index: job_partials_pkey.
SELECT p.id, p.text, p.sequence
FROM unnest($1::uuid[]) AS a (id)
JOIN job_partials p ON p.id = a.id
JOIN jobs j ON j.id = a.id AND j.epoch = p.epoch
