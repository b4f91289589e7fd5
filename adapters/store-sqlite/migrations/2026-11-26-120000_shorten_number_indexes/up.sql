-- The indexes by number are what a large store reads and writes most, a leaf of its own for each number. In a table without
-- rowid each of their entries repeats user and id, 85 bytes in all; with a rowid it has some 20, so that four times as
-- many share a page.

CREATE TABLE phone_numbers_next (
    user_id                    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    id                         TEXT    NOT NULL,
    number                     TEXT    NOT NULL,
    held                       INTEGER NOT NULL CHECK (held IN (0, 1)),
    reserved_for_second_factor INTEGER NOT NULL CHECK (reserved_for_second_factor IN (0, 1)),
    default_second_factor      INTEGER NOT NULL CHECK (default_second_factor IN (0, 1)),
    verification_state         TEXT    NOT NULL
        CHECK (verification_state IN ('unprepared', 'running', 'failed', 'expired', 'by_code', 'by_admin')),
    attempts                   INTEGER CHECK (attempts BETWEEN 0 AND 255),
    code_hash                  BLOB    CHECK (length(code_hash) = 32),
    prepared_at_ms             INTEGER,
    expires_at_ms              INTEGER,
    created_at_ms              INTEGER NOT NULL,
    updated_at_ms              INTEGER NOT NULL,
    -- A document: the verification that a back end drives for this number; none if it drove none.
    by_back_end                TEXT,
    CHECK ((attempts IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired', 'by_code'))),
    CHECK ((code_hash IS NOT NULL) = (verification_state = 'running')),
    CHECK ((prepared_at_ms IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired'))),
    CHECK ((expires_at_ms IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired', 'by_code'))),
    CHECK (reserved_for_second_factor = 0 OR verification_state IN ('by_code', 'by_admin')),
    CHECK (default_second_factor = 0 OR reserved_for_second_factor = 1)
) STRICT;

-- In the order of the old table, so that the numbers of one user stay side by side.
INSERT INTO phone_numbers_next (
    user_id, id, number, held, reserved_for_second_factor, default_second_factor, verification_state, attempts, code_hash,
    prepared_at_ms, expires_at_ms, created_at_ms, updated_at_ms, by_back_end
)
SELECT
    user_id, id, number, held, reserved_for_second_factor, default_second_factor, verification_state, attempts, code_hash,
    prepared_at_ms, expires_at_ms, created_at_ms, updated_at_ms, by_back_end
FROM phone_numbers
ORDER BY user_id, id;

DROP TABLE phone_numbers;
ALTER TABLE phone_numbers_next RENAME TO phone_numbers;

CREATE UNIQUE INDEX phone_numbers_id ON phone_numbers (id);
-- A number stands on a user once; leading with the user, it also finds the numbers of one.
CREATE UNIQUE INDEX phone_numbers_user ON phone_numbers (user_id, number);
-- A verified or held number has one owner. Queries that shall use this index, or the next, must repeat its condition word
-- by word.
CREATE UNIQUE INDEX phone_numbers_owned ON phone_numbers (number)
    WHERE (held = 1 OR verification_state IN ('by_code', 'by_admin'));
-- The others: few, so that their index is small.
CREATE INDEX phone_numbers_unowned ON phone_numbers (number)
    WHERE NOT (held = 1 OR verification_state IN ('by_code', 'by_admin'));
CREATE UNIQUE INDEX phone_numbers_default ON phone_numbers (user_id) WHERE default_second_factor = 1;
