-- Where each saga stands. All times are the database's, so that instances need not agree on theirs.
CREATE TABLE saga (
    order_id     uuid NOT NULL REFERENCES orders (id),
    name         text NOT NULL CHECK (name IN ('checkout', 'cancellation')),
    state        text NOT NULL CHECK (state IN ('running', 'undoing', 'done', 'undone')),
    -- The step that is asked for next, by name: tables of steps may grow while sagas are under way.
    step         text,
    attempts     integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- When the step was first asked for.
    asked_at     timestamptz,
    -- Why it is being undone.
    reason       jsonb,
    -- Since when somebody should look at it.
    stuck_since  timestamptz,
    -- When an instance may take it: at the end of the lease of the one that holds it, or when it is time to ask again.
    due_at       timestamptz NOT NULL,
    lease_holder text,
    -- Raised at each taking. Every write names it, so that an instance that lost the saga cannot write.
    epoch        bigint NOT NULL DEFAULT 1,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz,
    PRIMARY KEY (order_id, name),
    CONSTRAINT saga_ended_or_has_a_step CHECK ((state IN ('done', 'undone')) = (step IS NULL)),
    CONSTRAINT saga_ended_has_a_time CHECK ((state IN ('done', 'undone')) = (ended_at IS NOT NULL))
);

CREATE INDEX saga_due ON saga (due_at) WHERE ended_at IS NULL;
CREATE INDEX saga_stuck ON saga (stuck_since) WHERE stuck_since IS NOT NULL;

-- What happened, in the order in which it happened. Appended to, never changed: the timeline of the order.
CREATE TABLE saga_log (
    order_id  uuid NOT NULL REFERENCES orders (id),
    seq       integer NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- A saga's name, or 'fulfilment' for what was heard from others afterwards.
    saga      text NOT NULL,
    step      text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('do', 'undo')),
    attempt   integer NOT NULL,
    what      text NOT NULL CHECK (what IN ('asked', 'done', 'undone', 'refused', 'silent', 'given_up', 'stuck')),
    detail    jsonb,
    PRIMARY KEY (order_id, seq)
);

CREATE FUNCTION saga_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'saga_log is append-only';
END
$$;

CREATE TRIGGER saga_log_append_only BEFORE UPDATE OR DELETE ON saga_log
    FOR EACH ROW EXECUTE FUNCTION saga_log_is_append_only();
