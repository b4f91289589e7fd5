-- What a back end changes while the instance runs, and the verifications that it drives.

-- A document: the verification that a back end drives for this number; none if it drove none.
ALTER TABLE phone_numbers ADD COLUMN by_back_end TEXT;

-- One row for each setting that was changed, a JSON value.
CREATE TABLE instance_settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blocklist (
    number        TEXT    NOT NULL PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
