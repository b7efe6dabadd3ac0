-- What the program before this one needs to run on this schema, and must not take for less than it is.

-- It makes signing keys without saying from when they sign.
ALTER TABLE signing_key ALTER COLUMN signs_from SET DEFAULT now();

-- It takes a client without a secret for a public one, which says by its name alone who it is. Clients that sign get one
-- that nobody knows.
ALTER TABLE client
    DROP CONSTRAINT client_can_authenticate,
    ADD CONSTRAINT client_can_authenticate CHECK (CASE authentication_method
        WHEN 'none' THEN secret_hash IS NULL
        WHEN 'client_secret_basic' THEN secret_hash IS NOT NULL
        WHEN 'client_secret_post' THEN secret_hash IS NOT NULL
        WHEN 'private_key_jwt' THEN jwks IS NOT NULL
        ELSE true END);
UPDATE client SET secret_hash = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
WHERE authentication_method = 'private_key_jwt' AND secret_hash IS NULL;

-- A resource server: it may introspect tokens that were issued to others.
ALTER TABLE client ADD COLUMN introspects_others boolean NOT NULL DEFAULT false;
