-- Whether this transaction leads a duty. $1 duty.
SELECT pg_try_advisory_xact_lock(7723401, $1::int4)
