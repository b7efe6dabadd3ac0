-- Requests that were made with an Idempotency-Key, and how they were answered. A key belongs to its caller.
CREATE TABLE idempotency_key (
    subject     text NOT NULL,
    key         text NOT NULL,
    -- SHA-256 of what was asked for.
    fingerprint bytea NOT NULL,
    order_id    uuid NOT NULL,
    -- The answer; none while it is being waited for.
    status      smallint,
    body        text,
    -- Until when another request with this key is told that this one is under way.
    busy_until  timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (subject, key),
    CONSTRAINT idempotency_key_answered_whole CHECK ((status IS NULL) = (body IS NULL))
);

CREATE INDEX idempotency_key_age ON idempotency_key (created_at);
