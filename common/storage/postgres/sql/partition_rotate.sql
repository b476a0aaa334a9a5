-- Makes the partitions that are missing and drops those past retention: how many.
-- $1 span, $2 how many ahead, $3 retention (intervals). Locks: see migrations/0002.
SELECT rotate_partitions($1::interval, $2::int4, $3::interval)
