-- What a worker's slots are bound to: GPUs and processors.
--
-- Locks:     workers exclusively; no row is written.
-- Old binaries: do not start any more; those that run go on and tell of no devices.
-- Programs:  from 0007 on; new ones need it.
-- Undo:      0007_add_worker_devices.down.sql
ALTER TABLE workers ADD COLUMN devices text[] NOT NULL DEFAULT '{}';
