-- Rows stay where they are: the partitions go with their tables (0001).
DROP FUNCTION rotate_partitions(interval, int, interval);
DROP FUNCTION uuid_at(timestamptz);
