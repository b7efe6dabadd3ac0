-- What else a client may say of itself when it registers.
ALTER TABLE client
    -- RFC 7591: where it publishes the keys with which it signs assertions, if it does not register them by value.
    ADD COLUMN jwks_uri text,
    -- RFC 8707: the services that its tokens may be for. Empty: whatever its scopes allow.
    ADD COLUMN resources text[],
    ADD CONSTRAINT client_keys_are_in_one_place CHECK (jwks IS NULL OR jwks_uri IS NULL),
    DROP CONSTRAINT client_can_authenticate,
    ADD CONSTRAINT client_can_authenticate CHECK (CASE authentication_method
        WHEN 'none' THEN secret_hash IS NULL
        WHEN 'client_secret_basic' THEN secret_hash IS NOT NULL
        WHEN 'client_secret_post' THEN secret_hash IS NOT NULL
        WHEN 'private_key_jwt' THEN jwks IS NOT NULL OR jwks_uri IS NOT NULL
        ELSE true END);
