-- Devices without a browser that ask for a login elsewhere (RFC 8628). Both codes only as their SHA-256.
CREATE TABLE device_authorization (
    device_code_hash bytea PRIMARY KEY
        CONSTRAINT device_authorization_hash_is_sha256 CHECK (length(device_code_hash) = 32),
    -- What the user types. Short, so its hash hides it from nobody for long; it is worth something to a logged in user only.
    user_code_hash bytea NOT NULL CONSTRAINT device_authorization_user_code_taken UNIQUE,
    client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
    scopes text[] NOT NULL,
    resources text[],
    -- How long the device waits between two questions; longer each time that it does not.
    poll_seconds integer NOT NULL,
    polled_at timestamptz,
    expires_at timestamptz NOT NULL,
    -- What the user decided, once.
    grant_id uuid REFERENCES authorization_grant ON DELETE CASCADE,
    denied_at timestamptz,
    -- Redeemed at most once, by UPDATE ... WHERE used_at IS NULL.
    used_at timestamptz,
    CONSTRAINT device_authorization_is_decided_once CHECK (grant_id IS NULL OR denied_at IS NULL)
);
CREATE INDEX device_authorization_client ON device_authorization (client_id);
CREATE INDEX device_authorization_grant ON device_authorization (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX device_authorization_expiry ON device_authorization (expires_at);
