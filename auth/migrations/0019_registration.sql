-- Clients that register themselves (RFC 7591). What an operator hands out for that: who has it may register so many
-- clients, and give them no more than this.
CREATE TABLE initial_access_token (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL CONSTRAINT initial_access_token_taken UNIQUE
        CONSTRAINT initial_access_token_hash_is_sha256 CHECK (length(token_hash) = 32),
    -- Taken down by UPDATE ... WHERE uses_left > 0, in the transaction that adds the client.
    uses_left int NOT NULL CONSTRAINT initial_access_token_uses_not_negative CHECK (uses_left >= 0),
    scopes text[] NOT NULL,
    grant_types text[] NOT NULL,
    issued_by text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX initial_access_token_expiry ON initial_access_token (expires_at);

ALTER TABLE client
    -- What a client that registered itself shows to see or change its registration (RFC 7592). Empty for all others.
    ADD COLUMN registration_hash bytea CONSTRAINT client_registration_hash_is_sha256 CHECK (length(registration_hash) = 32),
    -- The most that it may ever ask for: as its initial access token said.
    ADD COLUMN most_scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN most_grant_types text[] NOT NULL DEFAULT '{}',
    -- Nobody takes a client for a user: users' ids are UUIDs.
    ADD CONSTRAINT client_id_is_no_user CHECK (
        client_id !~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$');
