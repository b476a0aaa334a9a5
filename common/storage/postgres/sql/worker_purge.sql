-- Forgets workers that ended long ago and hold nothing. $1 retention (s), $2 page. Returns: ids.
-- Index: jobs_open_active.
DELETE FROM workers w
USING (SELECT id FROM workers
       WHERE state IN (3, 4) AND heard_at < now() - $1::int8 * interval '1 s'
       LIMIT $2::int8
       FOR UPDATE SKIP LOCKED) AS old
WHERE w.id = old.id
    AND NOT EXISTS (SELECT FROM jobs_open j WHERE j.is_active AND j.worker_id = old.id)
RETURNING w.id
