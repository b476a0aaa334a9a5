-- Writes, to prove that a commit is possible. It has sixteen rows, so that gateways rarely collide.
-- Locks: one row. Index: store_probes_pkey.
INSERT INTO store_probes (slot, probed_at) VALUES (pg_backend_pid() % 16, now())
ON CONFLICT (slot) DO UPDATE SET probed_at = now()
