-- The queues that exist: name, id.
SELECT name, id FROM queues
