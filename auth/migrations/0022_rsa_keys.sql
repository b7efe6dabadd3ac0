-- Keys that sign with RS256 what clients of others want signed so: ID tokens, logout tokens, introspection. They come and go
-- as the keys of `signing_key` do, which sign with ES256. A table of their own: the program before this one signs with the
-- newest key of that table, whatever it is. Whoever makes or retires a key locks `signing_key`.
CREATE TABLE rsa_signing_key (
    -- JWK thumbprint (RFC 7638).
    kid text PRIMARY KEY,
    public_jwk jsonb NOT NULL,
    -- PKCS#8, sealed with AES-256-GCM under KEY_ENCRYPTION_KEY, bound to the kid: nonce, ciphertext, tag.
    sealed_private_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retired_at timestamptz
);

CREATE VIEW any_signing_key AS
    SELECT 'ES256' AS algorithm, kid, public_jwk, sealed_private_key, created_at, signs_from, retired_at FROM signing_key
    UNION ALL
    SELECT 'RS256', kid, public_jwk, sealed_private_key, created_at, signs_from, retired_at FROM rsa_signing_key;

ALTER TABLE client
    -- How its ID tokens and logout tokens are signed. Who was there before gets them as before.
    ADD COLUMN id_token_signed_response_alg text NOT NULL DEFAULT 'ES256'
        CONSTRAINT client_id_token_algorithm_is_known CHECK (id_token_signed_response_alg IN ('ES256', 'RS256')),
    -- RFC 9701: how what it is told of tokens is signed, if it asks for that.
    ADD COLUMN introspection_signed_response_alg text NOT NULL DEFAULT 'ES256'
        CONSTRAINT client_introspection_algorithm_is_known CHECK (introspection_signed_response_alg IN ('ES256', 'RS256'));
