-- What a user allowed a client. Everything issued under it hangs on it: revoking the grant revokes the family.
CREATE TABLE authorization_grant (
    id uuid PRIMARY KEY,
    client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES end_user ON DELETE CASCADE,
    scopes text[] NOT NULL,
    authenticated_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX authorization_grant_client ON authorization_grant (client_id);
CREATE INDEX authorization_grant_user ON authorization_grant (user_id);
CREATE INDEX authorization_grant_age ON authorization_grant (created_at);

-- Redeemed at most once, by UPDATE ... WHERE used_at IS NULL. A used code is kept so that a second use is noticed.
CREATE TABLE authorization_code (
    code_hash bytea PRIMARY KEY CONSTRAINT authorization_code_hash_is_sha256 CHECK (length(code_hash) = 32),
    grant_id uuid NOT NULL REFERENCES authorization_grant ON DELETE CASCADE,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    -- S256 only (RFC 7636, section 4.2).
    code_challenge text NOT NULL CONSTRAINT authorization_code_challenge_is_s256 CHECK (length(code_challenge) = 43),
    nonce text,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX authorization_code_grant ON authorization_code (grant_id);
CREATE INDEX authorization_code_expiry ON authorization_code (expires_at);
