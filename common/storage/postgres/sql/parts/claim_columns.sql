-- What a claim returns of its row j after the id: epoch, attempt, failures, losses, time to the
-- deadline (ms), whether the deadline is the whole job's. rows.cc reads them.
j.epoch, j.attempt, j.failures, j.losses,
CASE WHEN j.expires_at < now() + j.timeout_ms * interval '1 ms'
     THEN (extract(epoch FROM j.expires_at - now()) * 1000)::int8
     ELSE j.timeout_ms END AS remaining_ms,
j.expires_at IS NOT NULL AND j.expires_at < now() + j.timeout_ms * interval '1 ms'
    AS deadline_is_ttl
