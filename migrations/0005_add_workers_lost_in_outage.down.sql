-- Losses of the last outage, if any of its jobs are still to be moved, count from now on.
ALTER TABLE workers DROP COLUMN lost_in_outage;
