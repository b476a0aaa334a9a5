-- Finds few jobs among many: those that did not complete, by state and by error; scheduled ones. A job
-- that completes in its first attempt has none of these entries.
--
-- The beginning of a code is enough, and an index cannot hold a long one. uuid_send(id) has the order
-- of the ids, but as that of no other index: the planner cannot take another one and skip.
--
-- Locks:     jobs_open and jobs_final against writes, while the indexes are built: some seconds for
--            each million jobs.
-- Old binaries: do not start any more; those that run go on.
-- Programs:  from 0010 on; new ones need it.
-- Undo:      0010_index_jobs_for_lists.down.sql
CREATE INDEX jobs_open_scheduled_ids ON jobs_open (uuid_send(id)) WHERE is_scheduled;
CREATE INDEX jobs_open_errors ON jobs_open (left(error_code, 100) COLLATE "C", uuid_send(id))
    WHERE error_code IS NOT NULL;
CREATE INDEX jobs_final_states ON jobs_final (state, uuid_send(id)) WHERE state <> 6;
CREATE INDEX jobs_final_errors ON jobs_final (left(error_code, 100) COLLATE "C", uuid_send(id))
    WHERE error_code IS NOT NULL;
