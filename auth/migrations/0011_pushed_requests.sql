-- Authorization requests that clients pushed (RFC 9126). What the browser carries is a reference, kept as its SHA-256.
CREATE TABLE pushed_request (
    uri_hash bytea PRIMARY KEY CONSTRAINT pushed_request_hash_is_sha256 CHECK (length(uri_hash) = 32),
    client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
    parameters jsonb NOT NULL,
    -- Once a browser has come with it, there is time to log in.
    presented_at timestamptz,
    expires_at timestamptz NOT NULL,
    -- Redeemed at most once, by UPDATE ... WHERE used_at IS NULL, in the transaction that issues the code.
    used_at timestamptz
);
CREATE INDEX pushed_request_client ON pushed_request (client_id);
CREATE INDEX pushed_request_expiry ON pushed_request (expires_at);

-- It may ask for authorization by pushed requests only.
ALTER TABLE client ADD COLUMN require_par boolean NOT NULL DEFAULT false;
