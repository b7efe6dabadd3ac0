-- Invoices and credit notes, numbered without gaps.

-- A sequence would leave a gap whenever a transaction rolls back, and an auditor asks after every missing number.
-- This row is locked from taking a number until commit: numbers are gapless, and documents of one series are issued
-- one after the other.
CREATE TABLE document_counter (
    series text NOT NULL CONSTRAINT document_counter_series CHECK (series IN ('INV', 'CN')),
    year integer NOT NULL,
    last integer NOT NULL CONSTRAINT document_counter_last CHECK (last BETWEEN 1 AND 99999999),
    CONSTRAINT document_counter_pkey PRIMARY KEY (series, year)
);

CREATE TABLE invoice (
    number text PRIMARY KEY CONSTRAINT invoice_number CHECK (number ~ '^INV-[0-9]{4}-[0-9]{8}$'),
    order_id uuid NOT NULL CONSTRAINT invoice_once_per_order UNIQUE,
    customer_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    bill_to jsonb NOT NULL,
    currency text NOT NULL,
    -- Hundredths of a per cent: 1900 is 19 %.
    vat_rate integer NOT NULL,
    net bigint NOT NULL,
    vat bigint NOT NULL,
    total bigint NOT NULL,
    entry_id uuid NOT NULL CONSTRAINT invoice_entry REFERENCES entry (id),
    CONSTRAINT invoice_adds_up CHECK (net + vat = total)
);

CREATE INDEX invoice_by_customer ON invoice (customer_id, number);

CREATE TABLE invoice_line (
    number text NOT NULL CONSTRAINT invoice_line_number REFERENCES invoice (number),
    position integer NOT NULL,
    -- Absent for shipping.
    sku text,
    description text NOT NULL,
    quantity integer NOT NULL CONSTRAINT invoice_line_quantity CHECK (quantity > 0),
    unit_price bigint NOT NULL,
    -- Quantity times unit price, VAT included.
    gross bigint NOT NULL,
    vat bigint NOT NULL,
    CONSTRAINT invoice_line_pkey PRIMARY KEY (number, position)
);

-- Takes back a whole invoice.
CREATE TABLE credit_note (
    number text PRIMARY KEY CONSTRAINT credit_note_number CHECK (number ~ '^CN-[0-9]{4}-[0-9]{8}$'),
    invoice_number text NOT NULL CONSTRAINT credit_note_once UNIQUE
        CONSTRAINT credit_note_invoice REFERENCES invoice (number),
    issued_at timestamptz NOT NULL,
    entry_id uuid NOT NULL CONSTRAINT credit_note_entry REFERENCES entry (id)
);
