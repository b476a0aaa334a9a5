-- Undoes 0002_create_jobs.up.sql; all jobs and results are lost.
DROP VIEW jobs;
DROP TABLE idempotency_keys;
DROP TABLE job_partials;
DROP TABLE job_attempts;
DROP TABLE job_specs;
DROP TABLE jobs_final;
DROP TABLE jobs_open;
DROP FUNCTION uuid_floor(timestamptz);
