-- What a back end may ask for besides: an allowlist, passwords that others know, sign-ups by their ids.

-- Whether others know the password: it signs in no more.
ALTER TABLE users ADD COLUMN password_compromised INTEGER NOT NULL DEFAULT 0 CHECK (password_compromised IN (0, 1));

-- The numbers that are let in while only those are.
CREATE TABLE allowlist (
    number        TEXT    NOT NULL PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The id in the document `sign_up`, by which a back end asks for it.
ALTER TABLE clients ADD COLUMN sign_up_id TEXT;
UPDATE clients SET sign_up_id = json_extract(sign_up, '$.id') WHERE sign_up IS NOT NULL;
CREATE INDEX clients_sign_up ON clients (sign_up_id) WHERE sign_up_id IS NOT NULL;
