-- Makes partitions in advance and drops old ones. $1 width (h), $2 how many in advance, $3
-- retention (h), $4 page: the rows that a dropped partition may leave behind, and that are purged
-- from DEFAULT.
-- Returns: made, dropped, purged, too full to drop, rows in DEFAULT (counted up to the page).
-- Locks: see migrations/0003; waits at most lock_timeout.
SELECT made, dropped, purged, too_full, in_default
FROM partition_rotate(now(), $1::int4 * interval '1 hour', $2::int4, $3::int4 * interval '1 hour',
                      $4::int4)
