-- The ledger: a chart of accounts, entries, and postings that balance. Amounts are whole minor units; a positive
-- amount is a debit, a negative one a credit. Nothing here is ever changed: mistakes are corrected by reversing.

CREATE TABLE account (
    code text PRIMARY KEY CONSTRAINT account_code CHECK (code ~ '^[0-9]{4}-[A-Z]{3}$'),
    name text NOT NULL,
    kind text NOT NULL CONSTRAINT account_kind CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
    currency text NOT NULL CONSTRAINT account_currency CHECK (currency IN ('EUR', 'USD', 'GBP', 'JPY')),
    -- Lets a posting prove that it is in its account's currency.
    CONSTRAINT account_code_currency UNIQUE (code, currency)
);

INSERT INTO account (code, name, kind, currency)
SELECT number || '-' || currency, name || ' ' || currency, kind, currency
FROM (VALUES
    ('1000', 'Bank', 'asset'),
    ('1100', 'Customer receivables', 'asset'),
    ('1200', 'Payment provider receivable', 'asset'),
    ('2100', 'Customer prepayments', 'liability'),
    ('2200', 'VAT payable', 'liability'),
    ('3000', 'Equity', 'equity'),
    ('4000', 'Sales revenue', 'income'),
    ('4100', 'Shipping revenue', 'income'),
    ('4200', 'Sales returns', 'income'),
    ('6000', 'Operating expenses', 'expense')
) AS chart (number, name, kind)
CROSS JOIN unnest(ARRAY['EUR', 'USD', 'GBP', 'JPY']) AS currency;

CREATE TABLE entry (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL
        CONSTRAINT entry_kind CHECK (kind IN ('capture', 'invoice', 'refund', 'receipt', 'manual', 'reversal')),
    memo text NOT NULL,
    order_id uuid,
    -- The entry that this one takes back; none is taken back twice.
    reverses uuid CONSTRAINT entry_reversed_once UNIQUE CONSTRAINT entry_reverses REFERENCES entry (id),
    -- The transaction that wrote the entry: what tells its own postings from later additions.
    written_by xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT entry_reversal CHECK ((kind = 'reversal') = (reverses IS NOT NULL)),
    CONSTRAINT entry_order CHECK ((kind IN ('capture', 'invoice', 'refund')) = (order_id IS NOT NULL))
);

-- An order is captured, invoiced and refunded at most once, whatever the code believes.
CREATE UNIQUE INDEX entry_once_per_order ON entry (order_id, kind) WHERE order_id IS NOT NULL;

CREATE TABLE posting (
    entry_id uuid NOT NULL CONSTRAINT posting_entry REFERENCES entry (id),
    account text NOT NULL,
    amount bigint NOT NULL CONSTRAINT posting_amount CHECK (amount <> 0),
    currency text NOT NULL,
    CONSTRAINT posting_pkey PRIMARY KEY (entry_id, account),
    CONSTRAINT posting_account FOREIGN KEY (account, currency) REFERENCES account (code, currency)
);

-- Pages of one account.
CREATE UNIQUE INDEX posting_by_account ON posting (account, entry_id);

-- Runs at commit, when the entry is complete.
CREATE FUNCTION check_entry(id uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM posting WHERE entry_id = id) < 2 THEN
        RAISE EXCEPTION 'entry % has fewer than two postings', id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_two_postings';
    END IF;
    IF EXISTS (SELECT FROM posting WHERE entry_id = id GROUP BY currency HAVING sum(amount) <> 0) THEN
        RAISE EXCEPTION 'the postings of entry % do not sum to zero', id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_balanced';
    END IF;
END
$$;

CREATE FUNCTION check_new_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_entry(NEW.id);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER entry_complete AFTER INSERT ON entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_new_entry();

-- Postings arrive with their entry and never later, so that the check above sees them all.
CREATE FUNCTION refuse_late_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM entry WHERE id = NEW.entry_id AND written_by <> pg_current_xact_id()) THEN
        RAISE EXCEPTION 'entry % is closed', NEW.entry_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_closed';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER posting_in_time AFTER INSERT ON posting FOR EACH ROW EXECUTE FUNCTION refuse_late_posting();

-- SET CONSTRAINTS … IMMEDIATE could run the check early, so a posting that follows is checked as well.
CREATE FUNCTION check_new_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM check_entry(NEW.entry_id);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER posting_balanced AFTER INSERT ON posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_new_posting();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: correct by a reversing entry', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END
$$;

CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_append_only BEFORE UPDATE OR DELETE ON posting FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_not_truncated BEFORE TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER posting_not_truncated BEFORE TRUNCATE ON posting FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What every account holds: positive for a debit balance. A sum, and not a column that every entry would have to lock:
-- captures at once do not wait for each other. Summing a million postings takes 0.2 s.
CREATE VIEW account_balance AS
SELECT account.code, account.name, account.kind, account.currency, coalesce(total.balance, 0)::bigint AS balance
FROM account
LEFT JOIN (SELECT account, sum(amount) AS balance FROM posting GROUP BY account) AS total ON total.account = account.code;
