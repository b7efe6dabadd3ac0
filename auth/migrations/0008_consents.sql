-- What a user has allowed a client once and is not asked again. Taken away, everything granted on its ground goes too.
CREATE TABLE consent (
    user_id uuid NOT NULL REFERENCES end_user ON DELETE CASCADE,
    client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
    scopes text[] NOT NULL,
    given_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consent_client ON consent (client_id);
