-- What an operator does about a saga that is stuck is logged like everything else that happens to it.
ALTER TABLE saga_log DROP CONSTRAINT saga_log_what_check;
ALTER TABLE saga_log ADD CONSTRAINT saga_log_what_check CHECK (what IN
    ('asked', 'done', 'undone', 'refused', 'silent', 'given_up', 'stuck', 'retried', 'settled'));
