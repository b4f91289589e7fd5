-- The same logical tables as in SQLite (adapters/store-sqlite/migrations), laid out for PostgreSQL.
--
-- Texts compare byte by byte (COLLATE "C"), as in SQLite: both stores list in one order, and indexes need no locale.
-- Times are milliseconds since the Unix epoch. Documents are text: they are read and written whole, never searched.
-- `revision` guards every change: whoever writes must have read the revision that still stands. A new aggregate's starts
-- at a random number, so that a change decided on a deleted one never fits one made anew under the same id.
-- Rows that change often leave room on their page (fillfactor), so that a change that touches no indexed column writes
-- no index (HOT).

-- Lower case as Unicode has it, whatever the locale of the database: Örjan is found as örjan.
CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT lower($1 COLLATE "und-x-icu") COLLATE "C" $$;
-- Where `part` begins, counted from 1; 0 where it does not. Unlike LIKE it knows no wildcards.
CREATE FUNCTION instr(text text, part text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT strpos($1, $2) $$;

-- Ends the transaction of a change that found no row of its revision: so whatever else belongs to the change, and its
-- COMMIT, can be sent in the same breath.
CREATE FUNCTION must_find(touched bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF touched = 0 THEN
        RAISE unique_violation USING CONSTRAINT = 'revision', MESSAGE = 'the revision no longer stands';
    END IF;
    RETURN touched;
END $$;

CREATE TABLE users (
    id                      TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    revision                BIGINT  NOT NULL,
    first_name              TEXT    COLLATE "C",
    last_name               TEXT    COLLATE "C",
    username                TEXT    COLLATE "C",
    external_id             TEXT    COLLATE "C",
    locale                  TEXT    COLLATE "C",
    notice_email            TEXT    COLLATE "C",
    public_metadata         TEXT    COLLATE "C" NOT NULL,
    private_metadata        TEXT    COLLATE "C" NOT NULL,
    unsafe_metadata         TEXT    COLLATE "C" NOT NULL,
    banned                  BOOLEAN NOT NULL,
    locked_until_ms         BIGINT,
    delete_self_enabled     BOOLEAN NOT NULL,
    primary_phone_number_id TEXT    COLLATE "C",
    mfa_enabled_at_ms       BIGINT,
    mfa_disabled_at_ms      BIGINT,
    last_active_at_ms       BIGINT,
    password_hash           TEXT    COLLATE "C",
    password_updated_at_ms  BIGINT,
    -- The failure ledger, a document; none while there are no failures.
    failures                TEXT    COLLATE "C",
    -- Sessions of an older generation are over, whatever their rows say.
    sessions_generation     BIGINT  NOT NULL DEFAULT 0,
    last_sign_in_at_ms      BIGINT,
    created_at_ms           BIGINT  NOT NULL,
    updated_at_ms           BIGINT  NOT NULL
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX users_username ON users (username) WHERE username IS NOT NULL;
CREATE UNIQUE INDEX users_external_id ON users (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX users_created_at ON users (created_at_ms, id);

CREATE TABLE phone_numbers (
    id                         TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    user_id                    TEXT    COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    number                     TEXT    COLLATE "C" NOT NULL,
    held                       BOOLEAN NOT NULL,
    reserved_for_second_factor BOOLEAN NOT NULL,
    default_second_factor      BOOLEAN NOT NULL,
    verification_state         TEXT    COLLATE "C" NOT NULL
        CHECK (verification_state IN ('unprepared', 'running', 'failed', 'expired', 'by_code', 'by_admin')),
    -- What makes a number its user's alone. A column of its own, for the condition of an index counts as indexed: with
    -- the state in it, every try of a code would write every index of the table.
    owned                      BOOLEAN NOT NULL
        GENERATED ALWAYS AS (held OR verification_state IN ('by_code', 'by_admin')) STORED,
    attempts                   INTEGER CHECK (attempts BETWEEN 0 AND 255),
    code_hash                  BYTEA   CHECK (length(code_hash) = 32),
    prepared_at_ms             BIGINT,
    expires_at_ms              BIGINT,
    created_at_ms              BIGINT  NOT NULL,
    updated_at_ms              BIGINT  NOT NULL,
    -- A document: the verification that a back end drives for this number; none if it drove none.
    by_back_end                TEXT    COLLATE "C",
    CHECK ((attempts IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired', 'by_code'))),
    CHECK ((code_hash IS NOT NULL) = (verification_state = 'running')),
    CHECK ((prepared_at_ms IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired'))),
    CHECK ((expires_at_ms IS NOT NULL) = (verification_state IN ('running', 'failed', 'expired', 'by_code'))),
    CHECK (NOT reserved_for_second_factor OR verification_state IN ('by_code', 'by_admin')),
    CHECK (NOT default_second_factor OR reserved_for_second_factor)
) WITH (fillfactor = 70);

CREATE INDEX phone_numbers_user ON phone_numbers (user_id);
-- A number stands on a user once; leading with the number, it also finds who has one.
CREATE UNIQUE INDEX phone_numbers_number ON phone_numbers (number, user_id);
-- A verified or held number has one owner.
CREATE UNIQUE INDEX phone_numbers_owned ON phone_numbers (number) WHERE owned;
CREATE UNIQUE INDEX phone_numbers_default ON phone_numbers (user_id) WHERE default_second_factor;

CREATE TABLE backup_codes (
    user_id    TEXT    COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    hash       BYTEA   NOT NULL CHECK (length(hash) = 32),
    used_at_ms BIGINT,
    PRIMARY KEY (user_id, position)
);

-- A client's sign-up and sign-in are documents: they are read and written with their client alone.
CREATE TABLE clients (
    id                     TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    revision               BIGINT NOT NULL,
    -- SHA-256 of 256 random bits.
    token_hash             BYTEA  NOT NULL CHECK (length(token_hash) = 32),
    last_active_session_id TEXT   COLLATE "C",
    last_strategy          TEXT   COLLATE "C",
    sign_up                TEXT   COLLATE "C",
    sign_in                TEXT   COLLATE "C",
    created_at_ms          BIGINT NOT NULL,
    updated_at_ms          BIGINT NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX clients_created_at ON clients (created_at_ms, id);

CREATE TABLE sessions (
    id                  TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    client_id           TEXT   COLLATE "C" NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- No foreign key: a session outlives its user, as a revoked one.
    user_id             TEXT   COLLATE "C" NOT NULL,
    ending              TEXT   COLLATE "C" CHECK (ending IN ('ended', 'removed', 'revoked', 'replaced')),
    generation          BIGINT NOT NULL,
    first_factor_at_ms  BIGINT,
    second_factor_at_ms BIGINT,
    reverification      TEXT   COLLATE "C",
    address             TEXT   COLLATE "C",
    user_agent          TEXT   COLLATE "C",
    created_at_ms       BIGINT NOT NULL,
    last_active_at_ms   BIGINT NOT NULL,
    expire_at_ms        BIGINT NOT NULL,
    updated_at_ms       BIGINT NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX sessions_client ON sessions (client_id);
CREATE INDEX sessions_user ON sessions (user_id, created_at_ms);
CREATE INDEX sessions_created_at ON sessions (created_at_ms, id);

CREATE TABLE sign_in_tokens (
    id            TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    revision      BIGINT NOT NULL,
    token_hash    BYTEA  NOT NULL CHECK (length(token_hash) = 32),
    user_id       TEXT   COLLATE "C" NOT NULL,
    status        TEXT   COLLATE "C" NOT NULL CHECK (status IN ('pending', 'accepted', 'revoked')),
    expires_at_ms BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    id            TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    -- The private key under AES-256-GCM; the key for that is not in here.
    sealed        BYTEA  NOT NULL,
    signs_from_ms BIGINT NOT NULL,
    retires_at_ms BIGINT
);

-- One row for each thing that happened and is counted, as long as any limit looks back to it. One row a key, with a list
-- of all its times, would be written whole with each of them: 24 KB a text at the default limits.
CREATE TABLE limits (
    key          TEXT   COLLATE "C" NOT NULL,
    at_ms        BIGINT NOT NULL,
    forget_at_ms BIGINT NOT NULL
);

CREATE INDEX limits_key ON limits (key, at_ms);
CREATE INDEX limits_forget_at ON limits (forget_at_ms);

-- What waits to be told to the application's webhook endpoint, and for a while what was told.
CREATE TABLE webhook_events (
    id              TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    kind            TEXT    COLLATE "C" NOT NULL,
    body            TEXT    COLLATE "C" NOT NULL,
    created_at_ms   BIGINT  NOT NULL,
    -- When to try next; none once delivered or given up.
    due_at_ms       BIGINT,
    tries           INTEGER NOT NULL,
    delivered_at_ms BIGINT,
    last_error      TEXT    COLLATE "C"
);

CREATE INDEX webhook_events_due_at ON webhook_events (due_at_ms) WHERE due_at_ms IS NOT NULL;
CREATE INDEX webhook_events_created_at ON webhook_events (created_at_ms);

CREATE TABLE instance_settings (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE blocklist (
    number        TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    id            TEXT   COLLATE "C" NOT NULL UNIQUE,
    created_at_ms BIGINT NOT NULL
);

-- Every text, from the commit that made it until nobody asks any more.
CREATE TABLE sms_messages (
    id              TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    number          TEXT   COLLATE "C" NOT NULL,
    -- No foreign keys: a message outlives its user.
    user_id         TEXT   COLLATE "C",
    phone_number_id TEXT   COLLATE "C",
    -- Code and text under AES-256-GCM; gone once they are of no use.
    sealed          TEXT   COLLATE "C",
    state           TEXT   COLLATE "C" NOT NULL
        CHECK (state IN ('queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'expired')),
    gateway         TEXT   COLLATE "C",
    provider_id     TEXT   COLLATE "C",
    tries           BIGINT NOT NULL,
    unsettled       BIGINT NOT NULL,
    segments        BIGINT NOT NULL,
    error           TEXT   COLLATE "C",
    -- When to try next, or when a try counts as lost; none once no try will follow.
    due_at_ms       BIGINT,
    expires_at_ms   BIGINT NOT NULL,
    created_at_ms   BIGINT NOT NULL,
    updated_at_ms   BIGINT NOT NULL
);

CREATE INDEX sms_messages_due_at ON sms_messages (due_at_ms) WHERE due_at_ms IS NOT NULL;
-- A receipt names what the provider calls the message.
CREATE INDEX sms_messages_provider_id ON sms_messages (provider_id, gateway) WHERE provider_id IS NOT NULL;
CREATE INDEX sms_messages_created_at ON sms_messages (created_at_ms, id);
CREATE INDEX sms_messages_user ON sms_messages (user_id, created_at_ms) WHERE user_id IS NOT NULL;
CREATE INDEX sms_messages_number ON sms_messages (number, created_at_ms);
