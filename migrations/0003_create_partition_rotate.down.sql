-- Undoes 0003_create_partition_rotate.up.sql: partitions that exist stay where they are, and are
-- known no more.
DROP FUNCTION partition_rotate(timestamptz, interval, integer, interval, integer);
DROP FUNCTION partition_purge_default(timestamptz, integer);
DROP FUNCTION partition_drop(timestamptz, timestamptz, timestamptz, integer);
DROP FUNCTION partition_make(timestamptz, timestamptz);
DROP FUNCTION partition_name(text, timestamptz);
DROP TABLE partitions;
