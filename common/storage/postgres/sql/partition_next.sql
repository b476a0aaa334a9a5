-- What the rotation of partitions does next. $1 width (h), $2 how many in advance, $3 retention (h),
-- $4 how long copies lie before a swap (ms).
-- Returns: begin, copy, wait, swap, drop or rest; busy instead of swap, if others are in its way.
-- Locks: none. To see who stays, it may take a twentieth of a second.
SELECT CASE WHEN step = 'swap' AND partition_is_held(subject::regclass) THEN 'busy' ELSE step END
FROM partition_next(now(), $1::int4 * interval '1 hour', $2::int4, $3::int4 * interval '1 hour',
                    $4::int8 * interval '1 ms')
