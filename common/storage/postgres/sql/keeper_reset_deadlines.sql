-- Gives attempts that run their whole time anew, by the clock as it is now, as job_claim.sql does.
-- Locks: the rows; those that others hold are passed over, for they are being ended or cancelled.
-- Indexes: jobs_open_active, jobs_open_pkey. It takes all that runs, which is no more than the
-- workers have slots; the array makes it one probe an id.
UPDATE jobs_open
SET attempt_deadline = least(now() + timeout_ms * interval '1 ms', expires_at)
WHERE id = ANY (ARRAY(SELECT id FROM jobs_open WHERE is_active FOR UPDATE SKIP LOCKED))
    AND state IN (4, 5)
