-- Writes a row and deletes it: proves that a commit succeeds.
WITH written AS (INSERT INTO store_probe (at) VALUES (now()) RETURNING at)
DELETE FROM store_probe WHERE at < now() - interval '1 minute'
