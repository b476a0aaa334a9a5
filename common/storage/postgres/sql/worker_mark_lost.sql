-- Declares workers lost whose pulse is still the one seen. $1 ids (ascending), $2 heartbeats.
UPDATE workers w SET state = 4, ended_at = now()
FROM unnest($1::uuid[], $2::int8[]) AS a (id, heartbeats)
WHERE w.id = a.id AND w.heartbeats = a.heartbeats AND w.state IN (1, 2)
