-- How far a copy of another store into this one is. There is a row while it is not finished, and then nothing else may
-- use the store.

CREATE TABLE copies (
    -- Always true: there is one at most.
    unfinished INTEGER NOT NULL PRIMARY KEY CHECK (unfinished = 1),
    source     TEXT    NOT NULL,
    -- The part that was written last, and the key of the last record of it; none before the first.
    part       TEXT    NOT NULL,
    after      TEXT
) STRICT;
