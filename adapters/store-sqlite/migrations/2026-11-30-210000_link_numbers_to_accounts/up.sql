-- An outside identity provider may vouch for a phone number of a user, and the number follows what it says.

-- A document: the user's account at the provider, and the claim about the number that was last decided on.
ALTER TABLE users ADD COLUMN external_account TEXT;
-- Whether this is the number that the provider vouches for.
ALTER TABLE phone_numbers ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;
-- Of a number in the state by_admin: whether the provider said so, and not a back end. A process of the version before does
-- not write this column, so it counts in that state alone.
ALTER TABLE phone_numbers ADD COLUMN by_provider INTEGER NOT NULL DEFAULT 0;
