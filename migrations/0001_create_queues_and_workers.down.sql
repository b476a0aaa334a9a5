-- Undoes 0001_create_queues_and_workers.up.sql; all workers and queues are forgotten.
DROP TABLE store_probes;
DROP TABLE workers;
DROP TABLE models;
DROP TABLE queues;
DROP FUNCTION micros(timestamptz);
