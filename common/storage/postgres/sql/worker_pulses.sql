-- Workers that are alive or draining: id, heartbeats so far.
SELECT id, heartbeats FROM workers WHERE state IN (1, 2)
