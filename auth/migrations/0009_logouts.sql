-- Clients that have yet to be told that a session ended (OpenID Connect Back-Channel Logout). Written in the
-- transaction that ends it, taken out when told or given up.
CREATE TABLE backchannel_logout (
    -- The `jti`: the same at each attempt, so that the client knows a repetition.
    id uuid PRIMARY KEY,
    client_id text NOT NULL REFERENCES client ON DELETE CASCADE,
    user_id uuid NOT NULL,
    session_id uuid NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL
);
CREATE INDEX backchannel_logout_due ON backchannel_logout (due_at);
CREATE INDEX backchannel_logout_client ON backchannel_logout (client_id);
