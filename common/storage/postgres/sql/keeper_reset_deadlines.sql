-- Gives running attempts their whole time again, by the current clock, as job_claim.sql does.
-- Locks: the rows; those that others hold are skipped, because they are being ended or cancelled.
-- Indexes: jobs_open_active, jobs_open_pkey. It takes all running jobs, which are never more than
-- the workers' slots; the array enforces one probe per id.
UPDATE jobs_open
SET attempt_deadline = least(now() + timeout_ms * interval '1 ms', expires_at)
WHERE id = ANY (ARRAY(SELECT id FROM jobs_open WHERE is_active FOR UPDATE SKIP LOCKED))
    AND state IN (4, 5)
