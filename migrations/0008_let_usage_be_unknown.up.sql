-- Unknown token counts are null, not zero.
--
-- Locks:     jobs_final exclusively; no row is written.
-- Old binaries: do not start any more. A gateway that runs cannot read a job whose usage is null, so
--               the new gateways and workers come after the last old gateway has gone. What it ends
--               itself keeps the default, zero.
-- Programs:  from 0008 on; new ones need it.
-- Undo:      0008_let_usage_be_unknown.down.sql
ALTER TABLE jobs_final ALTER COLUMN prompt_tokens DROP NOT NULL,
                       ALTER COLUMN completion_tokens DROP NOT NULL;
