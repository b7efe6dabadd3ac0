-- How a client says who it is. Empty: by its secret, in the header or the form, or by its name alone if it has none.
ALTER TABLE client
    ADD COLUMN authentication_method text CONSTRAINT client_authentication_method_is_known CHECK (
        authentication_method IN ('none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt')),
    -- RFC 7517: the keys with which it signs assertions.
    ADD COLUMN jwks jsonb,
    ADD CONSTRAINT client_can_authenticate CHECK (CASE authentication_method
        WHEN 'none' THEN secret_hash IS NULL
        WHEN 'client_secret_basic' THEN secret_hash IS NOT NULL
        WHEN 'client_secret_post' THEN secret_hash IS NOT NULL
        WHEN 'private_key_jwt' THEN jwks IS NOT NULL AND secret_hash IS NULL
        ELSE true END);

-- Client assertions and DPoP proofs that were used, by a hash of their `jti` and whose it is. Used at most once, by
-- INSERT ... ON CONFLICT DO NOTHING. Kept until they would not be accepted any more.
CREATE TABLE used_jwt (
    jti_hash bytea PRIMARY KEY CONSTRAINT used_jwt_hash_is_sha256 CHECK (length(jti_hash) = 32),
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_jwt_expiry ON used_jwt (expires_at);
