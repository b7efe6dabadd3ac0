-- The plural, because ORDER is a word of SQL.
CREATE TABLE orders (
    id             uuid PRIMARY KEY,
    customer_id    uuid NOT NULL,
    state          text NOT NULL CHECK (state IN
        ('pending', 'confirmed', 'cancelling', 'dispatched', 'delivered', 'compensated', 'cancelled')),
    cart_id        uuid NOT NULL,
    ship_to        jsonb NOT NULL,
    shipping       jsonb NOT NULL,
    payment_method text NOT NULL,
    -- Learned when the cart is checked out; written by the checkout saga only.
    basket         jsonb,
    -- Learned over the order's life; written under the row's lock only.
    facts          jsonb NOT NULL,
    -- How many entries the log has: the row's lock hands out their numbers without gaps, in the order of commits, so
    -- that a reader who has seen entry n has missed none before it.
    log_length     integer NOT NULL DEFAULT 0 CHECK (log_length >= 0),
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    -- Bought means that the cart was checked out.
    CONSTRAINT orders_bought_with_basket CHECK (state IN ('pending', 'compensated') OR basket IS NOT NULL)
);

-- A customer's orders, newest first; ids sort by creation.
CREATE INDEX orders_by_customer ON orders (customer_id, id DESC);
