-- What happened is kept for so many days; the server says how many in its settings. No fewer than thirty, whoever says so.
CREATE TABLE security_event_retention (
    there_is_one boolean PRIMARY KEY DEFAULT true CONSTRAINT security_event_retention_is_one CHECK (there_is_one),
    days integer NOT NULL CONSTRAINT security_event_retention_is_a_month CHECK (days >= 30)
);
INSERT INTO security_event_retention (days) VALUES (400);

CREATE INDEX security_event_age ON security_event (at);

CREATE FUNCTION security_events_kept_from() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT now() - make_interval(days => coalesce((SELECT days FROM security_event_retention), 400))
$$;

CREATE FUNCTION refuse_to_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at >= security_events_kept_from() THEN
        RAISE EXCEPTION '% is append-only', tg_table_name USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
    END IF;
    RETURN OLD;
END
$$;

-- By this database's own clock: nobody who calls can make anything older than it is.
CREATE FUNCTION forget_security_events(most bigint) RETURNS bigint LANGUAGE sql AS $$
    WITH forgotten AS (
        DELETE FROM security_event WHERE id IN (
            SELECT id FROM security_event WHERE at < security_events_kept_from()
            ORDER BY at LIMIT most FOR UPDATE SKIP LOCKED)
        RETURNING id)
    SELECT count(*) FROM forgotten
$$;

DROP TRIGGER security_event_append_only ON security_event;
CREATE TRIGGER security_event_append_only BEFORE UPDATE OR TRUNCATE ON security_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER security_event_is_kept BEFORE DELETE ON security_event
    FOR EACH ROW EXECUTE FUNCTION refuse_to_forget();

COMMENT ON COLUMN device_authorization.user_code_hash IS 'A keyed hash: the code is short';
