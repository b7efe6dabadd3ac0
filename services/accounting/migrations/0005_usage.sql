-- What clients used, as the gateways metered it: totals of a month, by UTC.

CREATE TABLE usage_total (
    month text NOT NULL CONSTRAINT usage_total_month CHECK (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    client_id text NOT NULL,
    -- As of when the calls were made: a client may change its plan.
    plan text NOT NULL,
    -- The route of the gateway.
    route text NOT NULL,
    -- First digit of the status.
    status_class smallint NOT NULL CONSTRAINT usage_total_status_class CHECK (status_class BETWEEN 1 AND 5),
    calls bigint NOT NULL CONSTRAINT usage_total_calls CHECK (calls > 0),
    -- Those that are paid for.
    billable bigint NOT NULL CONSTRAINT usage_total_billable CHECK (billable BETWEEN 0 AND calls),
    CONSTRAINT usage_total_pkey PRIMARY KEY (month, client_id, plan, route, status_class)
);
