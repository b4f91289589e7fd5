-- How far a copy of another store into this one is. There is a row while it is not finished, and then nothing else may
-- use the store.

CREATE TABLE copies (
    -- Always true: there is one at most.
    unfinished BOOLEAN NOT NULL PRIMARY KEY CHECK (unfinished),
    source     TEXT    COLLATE "C" NOT NULL,
    -- The part that was written last, and the key of the last record of it; none before the first.
    part       TEXT    COLLATE "C" NOT NULL,
    after      TEXT    COLLATE "C"
);
