-- Everything that must never be true, one row per violation. Empty at every moment, under any fault.

CREATE VIEW invariant_violation AS
SELECT 'entry_not_zero' AS rule, entry_id::text AS subject
FROM posting GROUP BY entry_id, currency HAVING sum(amount) <> 0
UNION ALL
SELECT 'entry_with_fewer_than_two_postings', entry.id::text
FROM entry LEFT JOIN posting ON posting.entry_id = entry.id GROUP BY entry.id HAVING count(posting.account) < 2
UNION ALL
SELECT 'trial_balance_not_zero', currency
FROM posting GROUP BY currency HAVING sum(amount) <> 0
UNION ALL
SELECT 'captured_without_entry', order_id::text
FROM payment
WHERE state IN ('captured', 'refunding', 'refunded')
  AND NOT EXISTS (SELECT FROM entry WHERE entry.order_id = payment.order_id AND entry.kind = 'capture')
UNION ALL
SELECT 'refunded_without_reversal', order_id::text
FROM payment
WHERE state = 'refunded'
  AND NOT EXISTS (SELECT FROM entry WHERE entry.order_id = payment.order_id AND entry.kind = 'refund')
UNION ALL
SELECT 'entry_without_its_payment', entry.id::text
FROM entry
WHERE (entry.kind = 'capture' AND NOT EXISTS (
          SELECT FROM payment
          WHERE payment.order_id = entry.order_id AND payment.state IN ('captured', 'refunding', 'refunded')))
   OR (entry.kind = 'refund' AND NOT EXISTS (
          SELECT FROM payment WHERE payment.order_id = entry.order_id AND payment.state = 'refunded'))
   OR (entry.kind = 'invoice' AND NOT EXISTS (SELECT FROM invoice WHERE invoice.entry_id = entry.id))
UNION ALL
-- What a customer prepaid is used up by the invoice or given back by the refund: never twice, never half.
SELECT 'prepayment_left_over', entry.order_id::text
FROM entry JOIN posting ON posting.entry_id = entry.id
WHERE posting.account LIKE '2100-%' AND entry.order_id IS NOT NULL
GROUP BY entry.order_id
HAVING sum(posting.amount) <> 0 AND bool_or(entry.kind <> 'capture')
UNION ALL
-- A refund gives back through the account that the capture took from.
SELECT 'refunded_order_not_zero', entry.order_id::text
FROM entry
JOIN posting ON posting.entry_id = entry.id
WHERE (posting.account LIKE '1100-%' OR posting.account LIKE '1200-%')
  AND entry.order_id IN (SELECT order_id FROM payment WHERE state = 'refunded')
GROUP BY entry.order_id, posting.account HAVING sum(posting.amount) <> 0
UNION ALL
SELECT 'refunded_invoice_without_credit_note', invoice.number
FROM invoice JOIN payment USING (order_id)
WHERE payment.state = 'refunded'
  AND NOT EXISTS (SELECT FROM credit_note WHERE credit_note.invoice_number = invoice.number)
UNION ALL
SELECT 'invoice_lines_do_not_add_up', invoice.number
FROM invoice JOIN invoice_line USING (number)
GROUP BY invoice.number, invoice.total, invoice.vat
HAVING sum(invoice_line.gross) <> invoice.total OR sum(invoice_line.vat) <> invoice.vat
UNION ALL
SELECT 'gap_in_document_numbers', series || '-' || year
FROM document_counter
WHERE last <> (
    SELECT count(*) FROM (SELECT number FROM invoice UNION ALL SELECT number FROM credit_note) AS document
    WHERE document.number LIKE series || '-' || year || '-%')
UNION ALL
SELECT 'customer_account_out_of_step', customer_account.customer_id::text
FROM customer_account
WHERE owed <> (
        SELECT coalesce(sum(payment.amount), 0) FROM payment
        WHERE payment.customer_id = customer_account.customer_id AND payment.method = 'tok_on_account'
          AND payment.state IN ('captured', 'refunding'))
      - (SELECT coalesce(sum(receipt.amount), 0) FROM receipt WHERE receipt.customer_id = customer_account.customer_id)
   OR held <> (
        SELECT coalesce(sum(payment.amount), 0) FROM payment
        WHERE payment.customer_id = customer_account.customer_id AND payment.method = 'tok_on_account'
          AND payment.authorized_at IS NOT NULL
          AND payment.state IN ('authorized', 'capturing', 'capture_declined', 'voiding'))
UNION ALL
-- The provider and the books agree wherever neither is waiting for the other.
SELECT 'provider_disagrees', payment.order_id::text
FROM payment LEFT JOIN provider_charge AS charge ON charge.key = payment.order_id
WHERE payment.method <> 'tok_on_account'
  AND ((payment.state IN ('authorized', 'capture_declined') AND charge.state IS DISTINCT FROM 'authorized')
    OR (payment.state = 'captured' AND (charge.state IS DISTINCT FROM 'captured' OR charge.moved <> payment.amount))
    OR (payment.state = 'refunded' AND (charge.state IS DISTINCT FROM 'refunded' OR charge.moved <> 0))
    OR (payment.state = 'voided' AND charge.state IS DISTINCT FROM 'voided'));
