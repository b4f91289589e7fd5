-- Every text, from the commit that made it until nobody asks any more.

CREATE TABLE sms_messages (
    id              TEXT    NOT NULL PRIMARY KEY,
    number          TEXT    NOT NULL,
    -- No foreign keys: a message outlives its user.
    user_id         TEXT,
    phone_number_id TEXT,
    -- Code and text under AES-256-GCM; gone once they are of no use.
    sealed          TEXT,
    state           TEXT    NOT NULL
        CHECK (state IN ('queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'expired')),
    gateway         TEXT,
    provider_id     TEXT,
    tries           INTEGER NOT NULL,
    unsettled       INTEGER NOT NULL,
    segments        INTEGER NOT NULL,
    error           TEXT,
    -- When to try next, or when a try counts as lost; none once no try will follow.
    due_at_ms       INTEGER,
    expires_at_ms   INTEGER NOT NULL,
    created_at_ms   INTEGER NOT NULL,
    updated_at_ms   INTEGER NOT NULL
) STRICT;

CREATE INDEX sms_messages_due_at ON sms_messages (due_at_ms) WHERE due_at_ms IS NOT NULL;
-- A receipt names what the provider calls the message.
CREATE INDEX sms_messages_provider_id ON sms_messages (provider_id, gateway) WHERE provider_id IS NOT NULL;
CREATE INDEX sms_messages_created_at ON sms_messages (created_at_ms, id);
CREATE INDEX sms_messages_user ON sms_messages (user_id, created_at_ms) WHERE user_id IS NOT NULL;
CREATE INDEX sms_messages_number ON sms_messages (number, created_at_ms);
