-- Payments by order, the credit lines of customers, and the outside world: the simulated provider's own memory.

CREATE TABLE payment (
    order_id uuid PRIMARY KEY,
    -- All four are absent in the tombstone that a void leaves when it comes before its authorization.
    customer_id uuid,
    amount bigint CONSTRAINT payment_amount CHECK (amount > 0),
    currency text CONSTRAINT payment_currency CHECK (currency IN ('EUR', 'USD', 'GBP', 'JPY')),
    method text,
    -- The states in -ing are intents: written before the provider is asked, left when it has answered.
    state text NOT NULL CONSTRAINT payment_state CHECK (state IN (
        'authorizing', 'authorized', 'declined', 'capturing', 'capture_declined', 'captured',
        'voiding', 'voided', 'refunding', 'refunded')),
    -- Why it was declined, so that asking again gives the same answer.
    decline jsonb,
    created_at timestamptz NOT NULL,
    authorized_at timestamptz,
    expires_at timestamptz,
    captured_at timestamptz,
    voided_at timestamptz,
    refunded_at timestamptz,
    CONSTRAINT payment_terms CHECK (
        num_nulls(customer_id, amount, currency, method) = 0
        OR (num_nonnulls(customer_id, amount, currency, method) = 0 AND state = 'voided')),
    CONSTRAINT payment_decline CHECK ((state = 'declined') = (decline IS NOT NULL))
);

CREATE INDEX payment_by_customer ON payment (customer_id, order_id);
-- What a crash or a silent provider left unfinished.
CREATE INDEX payment_unfinished ON payment (state) WHERE state IN ('authorizing', 'capturing', 'voiding', 'refunding');

-- A customer who may buy on account. `owed` and `held` follow the payments and change only under this row's lock,
-- so that two orders never use the same credit.
CREATE TABLE customer_account (
    customer_id uuid PRIMARY KEY,
    currency text NOT NULL CONSTRAINT customer_account_currency CHECK (currency IN ('EUR', 'USD', 'GBP', 'JPY')),
    credit_limit bigint NOT NULL CONSTRAINT customer_account_limit CHECK (credit_limit >= 0),
    -- Captured, not refunded, not yet paid. Below zero when a paid order was refunded: the customer is in credit.
    owed bigint NOT NULL DEFAULT 0,
    -- Authorized, not yet captured.
    held bigint NOT NULL DEFAULT 0 CONSTRAINT customer_account_held CHECK (held >= 0)
);

-- Money that a customer paid towards what is owed. The caller names it, so that recording it twice counts once.
CREATE TABLE receipt (
    id uuid PRIMARY KEY,
    customer_id uuid NOT NULL CONSTRAINT receipt_customer REFERENCES customer_account (customer_id),
    amount bigint NOT NULL CONSTRAINT receipt_amount CHECK (amount > 0),
    currency text NOT NULL,
    received_at timestamptz NOT NULL,
    entry_id uuid NOT NULL CONSTRAINT receipt_entry REFERENCES entry (id)
);

CREATE INDEX receipt_by_customer ON receipt (customer_id, id);

-- What the payment provider remembers. It stands for another company's database: accounting never reads it to learn
-- the state of a payment, and never writes it in a transaction of its own.
CREATE TABLE provider_charge (
    -- The idempotency key: the order's id.
    key uuid PRIMARY KEY,
    amount bigint,
    currency text,
    state text NOT NULL CONSTRAINT provider_charge_state CHECK (state IN (
        'authorized', 'declined', 'insufficient_funds', 'captured', 'refunded', 'voided')),
    -- How often the key was used; what it did is in `state` and `moved` alone.
    calls integer NOT NULL DEFAULT 1,
    -- Money taken from the customer, less money given back.
    moved bigint NOT NULL DEFAULT 0
);
