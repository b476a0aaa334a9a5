-- Jobs by id. $1 ids. Index: jobs_pkey.
SELECT j.id, j.state, q.name, j.priority, j.model, j.epoch, j.attempt, j.failures, j.interruptions,
    j.attempts_max, j.worker_id, w.name, micros(j.created_at), micros(j.run_at),
    micros(j.queued_at), micros(j.started_at), micros(j.finished_at), micros(j.expires_at),
    j.error_code, j.error_message, j.prompt_tokens, j.completion_tokens, s.metadata
FROM unnest($1::uuid[]) AS a (id)
JOIN jobs j ON j.id = a.id
JOIN queues q ON q.id = j.queue_id
LEFT JOIN job_specs s ON s.id = a.id
LEFT JOIN workers w ON w.id = j.worker_id
