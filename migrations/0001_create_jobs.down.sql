-- Deletes everything that 0001 made, with all jobs.
DROP TABLE jobs, job_specs, job_outputs, job_attempts, job_partials, workers, idempotency_keys,
    models, queues, store_probe;
DROP FUNCTION micros(timestamptz);
