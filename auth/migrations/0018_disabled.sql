-- Whom an operator has shut out. What hung on them has ended, and nothing new begins.
ALTER TABLE end_user ADD COLUMN disabled_at timestamptz;
ALTER TABLE client ADD COLUMN disabled_at timestamptz;
CREATE INDEX access_token_client ON access_token (client_id);
