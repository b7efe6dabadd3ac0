-- What clients present. Only hashes: who reads this table cannot use a token.
CREATE TABLE access_token (
    token_hash bytea PRIMARY KEY CONSTRAINT access_token_hash_is_sha256 CHECK (length(token_hash) = 32),
    -- Empty for a client that acts for itself (client_credentials).
    grant_id uuid REFERENCES authorization_grant ON DELETE CASCADE,
    client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
    scopes text[] NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX access_token_grant ON access_token (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX access_token_expiry ON access_token (expires_at);

-- Rotated at every use, by UPDATE ... WHERE used_at IS NULL. Used ones are kept until they would have expired:
-- one that is presented again was stolen from somebody, and its grant is revoked.
CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY CONSTRAINT refresh_token_hash_is_sha256 CHECK (length(token_hash) = 32),
    grant_id uuid NOT NULL REFERENCES authorization_grant ON DELETE CASCADE,
    client_id text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_grant ON refresh_token (grant_id);
CREATE INDEX refresh_token_expiry ON refresh_token (expires_at);
