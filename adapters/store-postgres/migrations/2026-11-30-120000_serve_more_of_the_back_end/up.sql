-- What a back end may ask for besides: an allowlist, passwords that others know, sign-ups by their ids.

-- Whether others know the password: it signs in no more.
ALTER TABLE users ADD COLUMN password_compromised BOOLEAN NOT NULL DEFAULT FALSE;

-- The numbers that are let in while only those are.
CREATE TABLE allowlist (
    number        TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    id            TEXT   COLLATE "C" NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL
);

-- The id in the document `sign_up`, by which a back end asks for it. The document need not be one that PostgreSQL can
-- read: it may hold a NUL.
ALTER TABLE clients ADD COLUMN sign_up_id TEXT COLLATE "C";
UPDATE clients SET sign_up_id = substring(sign_up FROM '"id":"(sua_[0-9A-Za-z]{27})"') WHERE sign_up IS NOT NULL;
CREATE INDEX clients_sign_up ON clients (sign_up_id) WHERE sign_up_id IS NOT NULL;
