-- Who is signed in where: clients with their sessions (one aggregate), tickets, signing keys; and what signing in keeps on users.
--
-- A client's sign-up and sign-in are documents: they are read and written with their client alone, and never searched.

ALTER TABLE users ADD COLUMN password_hash TEXT;
ALTER TABLE users ADD COLUMN password_updated_at_ms INTEGER;
-- The failure ledger, a document; none while there are no failures.
ALTER TABLE users ADD COLUMN failures TEXT;
-- Sessions of an older generation are over, whatever their rows say.
ALTER TABLE users ADD COLUMN sessions_generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN last_sign_in_at_ms INTEGER;

CREATE TABLE clients (
    id                     TEXT    NOT NULL PRIMARY KEY,
    revision               INTEGER NOT NULL,
    -- SHA-256 of 256 random bits.
    token_hash             BLOB    NOT NULL CHECK (length(token_hash) = 32),
    last_active_session_id TEXT,
    last_strategy          TEXT,
    sign_up                TEXT,
    sign_in                TEXT,
    created_at_ms          INTEGER NOT NULL,
    updated_at_ms          INTEGER NOT NULL
) STRICT;

CREATE INDEX clients_created_at ON clients (created_at_ms, id);

-- Clustered by client: a load reads the sessions of one client side by side.
CREATE TABLE sessions (
    client_id           TEXT    NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    id                  TEXT    NOT NULL,
    -- No foreign key: a session outlives its user, as a revoked one.
    user_id             TEXT    NOT NULL,
    ending              TEXT    CHECK (ending IN ('ended', 'removed', 'revoked', 'replaced')),
    generation          INTEGER NOT NULL,
    first_factor_at_ms  INTEGER,
    second_factor_at_ms INTEGER,
    reverification      TEXT,
    address             TEXT,
    user_agent          TEXT,
    created_at_ms       INTEGER NOT NULL,
    last_active_at_ms   INTEGER NOT NULL,
    expire_at_ms        INTEGER NOT NULL,
    updated_at_ms       INTEGER NOT NULL,
    PRIMARY KEY (client_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_id ON sessions (id);
CREATE INDEX sessions_user ON sessions (user_id, created_at_ms);
CREATE INDEX sessions_created_at ON sessions (created_at_ms, id);

CREATE TABLE sign_in_tokens (
    id            TEXT    NOT NULL PRIMARY KEY,
    revision      INTEGER NOT NULL,
    token_hash    BLOB    NOT NULL CHECK (length(token_hash) = 32),
    user_id       TEXT    NOT NULL,
    status        TEXT    NOT NULL CHECK (status IN ('pending', 'accepted', 'revoked')),
    expires_at_ms INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    id            TEXT    NOT NULL PRIMARY KEY,
    -- The private key under AES-256-GCM; the key for that is not in here.
    sealed        BLOB    NOT NULL,
    signs_from_ms INTEGER NOT NULL,
    retires_at_ms INTEGER
) STRICT, WITHOUT ROWID;

-- One row for each thing that happened and is counted, as long as any limit looks back to it.
CREATE TABLE limits (
    key          TEXT    NOT NULL,
    at_ms        INTEGER NOT NULL,
    forget_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX limits_key ON limits (key, at_ms);
CREATE INDEX limits_forget_at ON limits (forget_at_ms);

-- What waits to be told to the application's webhook endpoint, and for a while what was told.
CREATE TABLE webhook_events (
    id              TEXT    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    -- When to try next; none once delivered or given up.
    due_at_ms       INTEGER,
    tries           INTEGER NOT NULL,
    delivered_at_ms INTEGER,
    last_error      TEXT
) STRICT;

CREATE INDEX webhook_events_due_at ON webhook_events (due_at_ms) WHERE due_at_ms IS NOT NULL;
CREATE INDEX webhook_events_created_at ON webhook_events (created_at_ms);
