-- Whether a job runs alone on its worker, because its next loss would quarantine it.
--
-- Locks:     jobs_open exclusively, while the index is made of it: no row is written, but all are read.
-- Old binaries: do not start any more. A worker that runs claims such a job beside others.
-- Programs:  from 0011 on; new ones need it.
-- Undo:      0011_add_is_confined.down.sql
ALTER TABLE jobs_open ADD COLUMN is_confined boolean NOT NULL DEFAULT false;

CREATE INDEX jobs_open_confined ON jobs_open (id) WHERE is_queued AND is_confined;
