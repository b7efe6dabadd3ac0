-- Who can log in. `end_user` because USER is a reserved word and End-User is what OpenID Connect calls them.
CREATE TABLE end_user (
    id uuid PRIMARY KEY,
    -- Lower case; what is typed into the form is lowered before it is looked up.
    username text NOT NULL CONSTRAINT end_user_username_taken UNIQUE
        CONSTRAINT end_user_username_is_lower_case CHECK (username = lower(username) AND username <> ''),
    -- Argon2id in PHC string format: parameters and salt stand in it.
    password_hash text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    roles text[] NOT NULL
        CONSTRAINT end_user_roles_are_known CHECK (roles <@ ARRAY['customer', 'staff', 'operator']),
    created_at timestamptz NOT NULL
);

-- A browser that has logged in. The cookie's value is not here, only its SHA-256.
CREATE TABLE login_session (
    token_hash bytea PRIMARY KEY CONSTRAINT login_session_hash_is_sha256 CHECK (length(token_hash) = 32),
    user_id uuid NOT NULL REFERENCES end_user ON DELETE CASCADE,
    -- When the password was checked: the `auth_time` of every token that follows from this session.
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX login_session_user ON login_session (user_id);
CREATE INDEX login_session_expiry ON login_session (expires_at);
