-- Undoes 0007_add_worker_devices.up.sql: what workers are bound to is forgotten.
ALTER TABLE workers DROP COLUMN devices;
