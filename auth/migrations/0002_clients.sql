-- Applications that may ask for tokens. A client is confidential if it has a secret, else public.
CREATE TABLE client (
    client_id text PRIMARY KEY CONSTRAINT client_id_is_plain CHECK (client_id ~ '^[a-z][a-z0-9-]{1,63}$'),
    name text NOT NULL,
    -- SHA-256. Enough because secrets are random and long; the service refuses shorter ones at start.
    secret_hash bytea CONSTRAINT client_secret_hash_is_sha256 CHECK (length(secret_hash) = 32),
    grant_types text[] NOT NULL,
    -- Compared as strings; only the port of a loopback address may differ.
    redirect_uris text[] NOT NULL,
    -- Where pages that call the token endpoint from a browser come from (CORS).
    origins text[] NOT NULL,
    scopes text[] NOT NULL,
    plan text NOT NULL CONSTRAINT client_plan_is_known CHECK (plan IN ('free', 'partner', 'internal')),
    created_at timestamptz NOT NULL
);
