-- Whether a worker was lost in a mass outage, where losses count for nobody: known to whoever moves
-- its jobs, also after the keeper that saw it is gone.
--
-- Locks:     workers exclusively; no row is written.
-- Old binaries: do not start any more; those that run judge by what they see themselves.
-- Programs:  from 0005 on; new ones need it.
-- Undo:      0005_add_workers_lost_in_outage.down.sql
ALTER TABLE workers ADD COLUMN lost_in_outage boolean NOT NULL DEFAULT false;
