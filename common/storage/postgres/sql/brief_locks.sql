-- Bounds the rest of the transaction: $1 how long it waits for a lock, $2 how long each further
-- statement takes (ms).
SELECT set_config('lock_timeout', $1::int8::text, true),
    set_config('statement_timeout', $2::int8::text, true)
