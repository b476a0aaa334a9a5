-- Makes partitions ahead and drops old ones. $1 width (h), $2 how many ahead, $3 retention (h),
-- $4 page: rows that a dropped partition may leave behind, and that are purged from DEFAULT.
-- Returns: made, dropped, purged, too full to drop, rows in DEFAULT (up to the page).
-- Locks: see migrations/0003; waits no longer than lock_timeout.
SELECT made, dropped, purged, too_full, in_default
FROM partition_rotate(now(), $1::int4 * interval '1 hour', $2::int4, $3::int4 * interval '1 hour',
                      $4::int4)
