-- What happened that whoever watches over the suite should know. It takes new rows only. Nothing here opens a door, and
-- no name stands here that somebody typed: people type passwords into name fields.
CREATE TABLE security_event (
    -- UUIDv7: in the order in which they happened.
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT security_event_kind_is_plain CHECK (kind ~ '^[a-z_]{1,40}$'),
    -- The id of a user, or `client:{client_id}`; none for an unknown name. No foreign key: a row outlives them all.
    subject text,
    client_id text,
    grant_id uuid,
    -- The operator who did it; none where nobody interfered.
    by text,
    -- Where the request came from.
    address inet,
    detail text,
    at timestamptz NOT NULL
);
CREATE INDEX security_event_subject ON security_event (subject, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END
$$;

CREATE TRIGGER security_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON security_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
