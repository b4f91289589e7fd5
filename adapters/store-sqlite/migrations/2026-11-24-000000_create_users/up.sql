-- Users, their phone numbers and their backup codes: one aggregate, three tables, because numbers and codes are lists.
--
-- `revision` guards every change: whoever writes must have read the revision that still stands. A new user's starts at a
-- random number, so that a change decided on a deleted user never fits one made anew under the same id.
-- Times are milliseconds since the Unix epoch.

-- With a rowid, for the metadata may be 24 KiB and would bloat every level of a tree keyed by text.
CREATE TABLE users (
    id                      TEXT    NOT NULL PRIMARY KEY,
    revision                INTEGER NOT NULL,
    first_name              TEXT,
    last_name               TEXT,
    username                TEXT,
    external_id             TEXT,
    locale                  TEXT,
    public_metadata         TEXT    NOT NULL,
    private_metadata        TEXT    NOT NULL,
    unsafe_metadata         TEXT    NOT NULL,
    banned                  INTEGER NOT NULL CHECK (banned IN (0, 1)),
    locked_until_ms         INTEGER,
    delete_self_enabled     INTEGER NOT NULL CHECK (delete_self_enabled IN (0, 1)),
    primary_phone_number_id TEXT,
    mfa_enabled_at_ms       INTEGER,
    mfa_disabled_at_ms      INTEGER,
    last_active_at_ms       INTEGER,
    created_at_ms           INTEGER NOT NULL,
    updated_at_ms           INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX users_username ON users (username) WHERE username IS NOT NULL;
CREATE UNIQUE INDEX users_external_id ON users (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX users_created_at ON users (created_at_ms, id);

-- Clustered by user: a load reads the numbers of one user side by side, and the indexes below answer by themselves whose
-- a number is.
CREATE TABLE phone_numbers (
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
    PRIMARY KEY (user_id, id),
    CHECK ((attempts IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired', 'by_code'))),
    CHECK ((code_hash IS NOT NULL) = (verification_state = 'running')),
    CHECK ((prepared_at_ms IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired'))),
    CHECK ((expires_at_ms IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired', 'by_code'))),
    CHECK (reserved_for_second_factor = 0 OR verification_state IN ('by_code', 'by_admin')),
    CHECK (default_second_factor = 0 OR reserved_for_second_factor = 1)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX phone_numbers_id ON phone_numbers (id);
-- A number stands on a user once; leading with the number, it also finds who has one.
CREATE UNIQUE INDEX phone_numbers_number ON phone_numbers (number, user_id);
-- A verified or held number has one owner. Queries that shall use this index must repeat the condition word by word.
CREATE UNIQUE INDEX phone_numbers_owned ON phone_numbers (number)
    WHERE (held = 1 OR verification_state IN ('by_code', 'by_admin'));
CREATE UNIQUE INDEX phone_numbers_default ON phone_numbers (user_id) WHERE default_second_factor = 1;

CREATE TABLE backup_codes (
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    hash       BLOB    NOT NULL CHECK (length(hash) = 32),
    used_at_ms INTEGER,
    PRIMARY KEY (user_id, position)
) STRICT, WITHOUT ROWID;
