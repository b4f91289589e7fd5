-- An attempt to sign in counts against the factor that it was made on, and rests on the credentials that it began with; a
-- request that crosses with a change of its client's token is recognised by the token before it.

-- Grows with every change of what proves the user's identity.
ALTER TABLE users ADD COLUMN credentials_generation INTEGER NOT NULL DEFAULT 0;
-- There was one ledger for all factors, which anybody who knew a number could fill. Nobody stays locked by it for more than an
-- hour: it locked for a day, for 30 days and for good (until 9999).
UPDATE users SET failures = NULL, locked_until_ms = CASE
        WHEN locked_until_ms > CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 3600000 THEN NULL
        ELSE locked_until_ms
    END
    WHERE failures IS NOT NULL OR locked_until_ms = 253370764800000;
-- When the user's numbers were last texted about changes of the account.
ALTER TABLE users ADD COLUMN texted_notices TEXT;

-- The hashes of the tokens before the present one, for a few seconds.
ALTER TABLE clients ADD COLUMN replaced_tokens TEXT;
