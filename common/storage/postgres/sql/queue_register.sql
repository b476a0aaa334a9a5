-- Makes queues known. $1 names.
INSERT INTO queues (name)
SELECT n FROM unnest($1::text[]) AS n WHERE n NOT IN (SELECT name FROM queues)
ON CONFLICT (name) DO NOTHING
