-- What may be told of a user beyond name and mail (OpenID Connect Core, section 5.1). Empty: not known.
ALTER TABLE end_user
    ADD COLUMN given_name text,
    ADD COLUMN family_name text,
    ADD COLUMN email_verified boolean NOT NULL DEFAULT false,
    ADD COLUMN phone_number text,
    ADD COLUMN phone_number_verified boolean NOT NULL DEFAULT false,
    ADD COLUMN street_address text,
    ADD COLUMN postal_code text,
    ADD COLUMN locality text,
    ADD COLUMN country text,
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
