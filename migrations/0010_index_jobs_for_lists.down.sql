-- Undoes 0010_index_jobs_for_lists.up.sql: lists look at all jobs to find few.
DROP INDEX jobs_final_errors;
DROP INDEX jobs_final_states;
DROP INDEX jobs_open_errors;
DROP INDEX jobs_open_scheduled_ids;
