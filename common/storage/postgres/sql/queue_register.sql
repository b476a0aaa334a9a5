-- Registers queues. $1 names.
-- Checks before it inserts, because a row that meets a conflict uses up an id anyway.
INSERT INTO queues (name)
SELECT a.name FROM unnest($1::text[]) AS a (name)
WHERE NOT EXISTS (SELECT FROM queues q WHERE q.name = a.name)
ORDER BY a.name
ON CONFLICT (name) DO NOTHING
