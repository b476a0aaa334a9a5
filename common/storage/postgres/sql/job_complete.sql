-- Ends attempts that completed, with their outputs.
-- $1 worker, $2 ids (ascending), $3 epochs, $4 outputs, $5 prompt tokens, $6 completion tokens.
-- Returns: id and epoch of those that were still this worker's. Locks: the rows in order. Index: jobs_pkey.
WITH ended AS (
    UPDATE jobs j
    SET state = 6, finished_at = now(), attempt_deadline = NULL, losses = 0,
        prompt_tokens = a.prompt_tokens, completion_tokens = a.completion_tokens,
        error_code = NULL, error_message = NULL
    FROM unnest($2::uuid[], $3::int8[], $4::text[], $5::int8[], $6::int8[])
        AS a (id, epoch, output, prompt_tokens, completion_tokens)
    WHERE j.id = a.id AND j.epoch = a.epoch AND j.worker_id = $1::uuid AND j.state IN (4, 5)
    RETURNING j.id, j.epoch, a.output
)
INSERT INTO job_outputs (id, epoch, output) SELECT id, epoch, output FROM ended RETURNING id, epoch
