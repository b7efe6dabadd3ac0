-- Tokens and codes that only the holder of a key can use (RFC 9449): the SHA-256 thumbprint of the key. Empty: whoever
-- has it can use it.
ALTER TABLE authorization_code
    ADD COLUMN dpop_jkt bytea CONSTRAINT authorization_code_jkt_is_sha256 CHECK (length(dpop_jkt) = 32);
ALTER TABLE access_token
    ADD COLUMN dpop_jkt bytea CONSTRAINT access_token_jkt_is_sha256 CHECK (length(dpop_jkt) = 32);
ALTER TABLE refresh_token
    ADD COLUMN dpop_jkt bytea CONSTRAINT refresh_token_jkt_is_sha256 CHECK (length(dpop_jkt) = 32);

-- It is given no token without a proof.
ALTER TABLE client ADD COLUMN dpop_bound boolean NOT NULL DEFAULT false;
