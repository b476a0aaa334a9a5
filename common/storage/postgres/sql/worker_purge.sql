-- Forgets workers that ended long ago and hold nothing. $1 retention (s), $2 page.
DELETE FROM workers WHERE id IN (
    SELECT w.id FROM workers w
    WHERE w.state IN (3, 4) AND w.ended_at < now() - $1::int8 * interval '1 s'
        AND NOT EXISTS (SELECT FROM jobs j WHERE j.worker_id = w.id AND j.state IN (4, 5))
    LIMIT $2::int4)
