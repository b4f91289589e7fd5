-- A limit asks for the n-th youngest event of a key. Numbered events are found by that number in an index, however large n
-- is; `OFFSET` read all of the younger ones.

-- The events of a key are numbered in the order in which they were counted. Numbers of deleted events are not filled up.
ALTER TABLE limits ADD COLUMN sequence INTEGER;

UPDATE limits SET sequence = numbered.sequence
FROM (SELECT rowid AS event, row_number() OVER (PARTITION BY key ORDER BY at_ms, rowid) AS sequence FROM limits) AS numbered
WHERE limits.rowid = numbered.event;

CREATE UNIQUE INDEX limits_sequence ON limits (key, sequence);
DROP INDEX limits_key;

-- A process of an earlier version, which is about to be replaced, counts on without numbers.
CREATE TRIGGER limits_number AFTER INSERT ON limits WHEN NEW.sequence IS NULL
BEGIN
    UPDATE limits SET sequence = (SELECT coalesce(max(sequence), 0) + 1 FROM limits WHERE key = NEW.key)
    WHERE rowid = NEW.rowid;
END;
