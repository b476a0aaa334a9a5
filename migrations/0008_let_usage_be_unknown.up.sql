-- What nobody has counted is null: it is no zero.
--
-- Locks:     jobs_final exclusively; no row is written.
-- Old binaries: do not start any more; a gateway that runs cannot read a job whose usage is null,
--               so the workers that write such jobs come last.
-- Undo:      0008_let_usage_be_unknown.down.sql
ALTER TABLE jobs_final ALTER COLUMN prompt_tokens DROP NOT NULL,
                       ALTER COLUMN prompt_tokens DROP DEFAULT,
                       ALTER COLUMN completion_tokens DROP NOT NULL,
                       ALTER COLUMN completion_tokens DROP DEFAULT;
