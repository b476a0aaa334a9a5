-- Saves checkpoints of partial output for attempts that are still this worker's.
-- $1 worker, $2 ids (ascending), $3 epochs, $4 sequences, $5 texts.
-- Locks: the jobs' rows, shared, so that nobody ends an attempt meanwhile. A transaction that waits
-- to end one does not see what is saved here; partial_purge.sql removes it.
-- Indexes: jobs_open_pkey, job_partials_pkey.
WITH held AS (
    SELECT a.*
    FROM unnest($2::uuid[], $3::int8[], $4::int8[], $5::text[]) AS a (id, epoch, sequence, text)
    JOIN jobs_open j ON j.id = ANY (ARRAY[a.id])
    WHERE j.epoch = a.epoch AND j.worker_id = $1::uuid AND j.state IN (4, 5)
    FOR SHARE OF j
)
INSERT INTO job_partials (id, epoch, sequence, text)
SELECT id, epoch, sequence, text FROM held
ON CONFLICT (id) DO UPDATE
SET epoch = excluded.epoch, sequence = excluded.sequence, text = excluded.text
WHERE (job_partials.epoch, job_partials.sequence) <= (excluded.epoch, excluded.sequence)
