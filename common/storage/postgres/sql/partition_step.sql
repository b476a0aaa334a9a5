-- Does the next step of the rotation of partitions. $1 to $4 like partition_next.sql, $5 page.
-- Returns: what was done, `busy` if somebody was in the way, and the rows that were copied.
-- Locks: see migrations/0012; waits at most lock_timeout (brief_locks.sql).
SELECT done, copied
FROM partition_step(now(), $1::int4 * interval '1 hour', $2::int4, $3::int4 * interval '1 hour',
                    $4::int8 * interval '1 ms', $5::int4)
