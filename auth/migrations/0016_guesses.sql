-- How often a password was wrong lately: for each account, each address and each known device. The rows are shared by all
-- instances, so their counts agree.
CREATE TABLE guess (
    -- A keyed hash of what is counted: a name that somebody typed does not stand here, nor does an address.
    about bytea PRIMARY KEY CONSTRAINT guess_about_is_sha256 CHECK (length(about) = 32),
    -- Attempts that are under way count as well, until they turn out to be right.
    failures int NOT NULL CONSTRAINT guess_failures_not_negative CHECK (failures >= 0),
    last_at timestamptz NOT NULL,
    -- `-infinity` as long as there is nothing to wait for: instances' clocks, and requests, may overtake each other.
    -- Until then every attempt is refused, and changes nothing: who goes on guessing does not prolong it.
    free_at timestamptz NOT NULL
);
CREATE INDEX guess_age ON guess (last_at);
