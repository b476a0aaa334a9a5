-- Cancels what waits and asks what runs to stop; what is final stays as it is.
-- $1 ids (ascending). Locks: the rows in order. Index: jobs_pkey.
UPDATE jobs j
SET state = CASE WHEN j.state IN (1, 2, 3) THEN 8 ELSE 5 END,
    finished_at = CASE WHEN j.state IN (1, 2, 3) THEN now() END
FROM unnest($1::uuid[]) AS a (id)
WHERE j.id = a.id AND j.state IN (1, 2, 3, 4)
