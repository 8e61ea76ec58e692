-- The sequencer finds what is new by the index on xid, however large the journal is. The planner
-- cannot know that nearly nothing lies behind the last snapshot (least of all where much of the
-- journal was written by few transactions): it prefers to read all of it, many times a second.

ALTER FUNCTION feed_sequence() SET enable_seqscan = off;
ALTER FUNCTION feed_sequence() SET jit = off;
