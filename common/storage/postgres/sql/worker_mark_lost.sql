-- Declares workers lost whose pulse is still the one seen. $1 ids (ascending), $2 heartbeats, $3
-- whether in a mass outage, $4 time (ms): a worker last heard from within it of one that was lost
-- in an outage counts as part of that outage. Locks: the rows, in the order of $1. Index:
-- workers_pkey.
UPDATE workers w
SET state = 4,
    lost_in_outage = $3::bool OR EXISTS (
        SELECT FROM workers o
        WHERE o.lost_in_outage AND o.heard_at > w.heard_at - $4::int8 * interval '1 ms'
            AND o.heard_at < w.heard_at + $4::int8 * interval '1 ms')
FROM unnest($1::uuid[], $2::int8[]) AS a (id, heartbeats)
WHERE w.id = a.id AND w.heartbeats = a.heartbeats AND w.state IN (1, 2)
