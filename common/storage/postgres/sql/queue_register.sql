-- Makes queues known. $1 names.
-- Asks before it inserts: a row that meets a conflict would use up a number all the same.
INSERT INTO queues (name)
SELECT a.name FROM unnest($1::text[]) AS a (name)
WHERE NOT EXISTS (SELECT FROM queues q WHERE q.name = a.name)
ORDER BY a.name
ON CONFLICT (name) DO NOTHING
