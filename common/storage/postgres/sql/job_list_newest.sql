-- A page of jobs, newest first.
-- $1 states, $2 queue, $3 priority, $4 model: arrays of what is wanted, empty for any; $5 metadata
-- to contain ({} for any), $6 created after and $7 before (microseconds since 1970, exclusive, or
-- null), $8 error code: as $1, $9 whether only jobs that were never retried, $10 the last id of the
-- page before, $11 limit.
-- Returns: as job_get up to the retry.
-- Indexes: jobs_open_pkey, jobs_final_*_pkey, idempotency_keys_pkey: one probe a job for its retry.
SELECT j.id, j.state, q.name, j.priority, j.model, j.epoch, j.attempt, j.failures, j.interruptions,
    j.attempts_max, j.worker_id, w.name, micros(j.created_at), micros(j.run_at),
    micros(j.queued_at), micros(j.started_at), micros(j.finished_at), micros(j.expires_at),
    micros(j.cancel_requested_at), j.error_code, j.error_message, j.prompt_tokens,
    j.completion_tokens, s.metadata, s.retry_of, s.client_id, CASE WHEN j.state BETWEEN 7 AND 9 THEN
        (SELECT k.job_id FROM idempotency_keys k WHERE k.key = 'retry ' || j.id::text) END
FROM jobs j
JOIN job_specs s ON s.id = j.id
JOIN queues q ON q.id = j.queue_id
LEFT JOIN workers w ON w.id = j.worker_id
WHERE j.id < $10::uuid
    AND (cardinality($1::int2[]) = 0 OR j.state = ANY ($1::int2[]))
    AND (cardinality($2::text[]) = 0 OR q.name = ANY ($2::text[]))
    AND (cardinality($3::int2[]) = 0 OR j.priority = ANY ($3::int2[]))
    AND (cardinality($4::text[]) = 0 OR j.model = ANY ($4::text[]))
    AND ($5::jsonb = '{}' OR s.metadata @> $5::jsonb)
    AND ($6::int8 IS NULL OR micros(j.created_at) > $6::int8)
    AND ($7::int8 IS NULL OR micros(j.created_at) < $7::int8)
    AND (cardinality($8::text[]) = 0 OR j.error_code = ANY ($8::text[]))
    AND (NOT $9::bool OR
         (SELECT k.job_id FROM idempotency_keys k WHERE k.key = 'retry ' || j.id::text) IS NULL)
ORDER BY j.id DESC
LIMIT $11::int8
