-- A session has an id that may be told (`sid` in ID tokens), and says where it was opened.
ALTER TABLE login_session
    ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT login_session_id_taken UNIQUE,
    ADD COLUMN started_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN user_agent text NOT NULL DEFAULT '',
    ADD COLUMN address text NOT NULL DEFAULT '';

-- The session in which a grant was given; the row of the session goes when it ends. The claims that were asked for by
-- name (OpenID Connect Core, section 5.5).
ALTER TABLE authorization_grant
    ADD COLUMN session_id uuid,
    ADD COLUMN id_token_claims text[] NOT NULL DEFAULT '{}',
    ADD COLUMN userinfo_claims text[] NOT NULL DEFAULT '{}';
CREATE INDEX authorization_grant_session ON authorization_grant (session_id) WHERE session_id IS NOT NULL;

-- Empty: the client was let off PKCE, and a verifier that comes with the code is refused.
ALTER TABLE authorization_code ALTER COLUMN code_challenge DROP NOT NULL;

ALTER TABLE client
    -- Off for conformance tests only.
    ADD COLUMN require_pkce boolean NOT NULL DEFAULT true,
    -- Off for the suite's own applications.
    ADD COLUMN asks_consent boolean NOT NULL DEFAULT true,
    -- Compared as strings.
    ADD COLUMN post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
    ADD COLUMN backchannel_logout_uri text,
    ADD COLUMN backchannel_logout_session_required boolean NOT NULL DEFAULT false;
