-- Undoes 0011_add_is_confined.up.sql: jobs that took down their workers run beside others again.
DROP INDEX jobs_open_confined;
ALTER TABLE jobs_open DROP COLUMN is_confined;
