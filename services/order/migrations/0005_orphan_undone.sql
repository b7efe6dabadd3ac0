-- Orders that participants knew and this database did not, because it was put back to an earlier moment. They have no
-- log that could say who had them undone, and what was found at that time.
CREATE TABLE orphan_undone (
    order_id uuid NOT NULL,
    asked_by text NOT NULL,
    found    jsonb NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (order_id, at)
);
