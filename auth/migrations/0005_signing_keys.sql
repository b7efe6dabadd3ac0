-- Keys that sign ID tokens and the JWTs of the gateway. The newest that is not retired signs; all that are not
-- retired are published.
CREATE TABLE signing_key (
    -- JWK thumbprint (RFC 7638).
    kid text PRIMARY KEY,
    public_jwk jsonb NOT NULL,
    -- PKCS#8, sealed with AES-256-GCM under KEY_ENCRYPTION_KEY, bound to the kid: nonce, ciphertext, tag.
    sealed_private_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
