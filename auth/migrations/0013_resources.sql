-- What a token is for (RFC 8707): names of services. Empty: whatever its scopes allow.
ALTER TABLE authorization_grant ADD COLUMN resources text[];
ALTER TABLE access_token ADD COLUMN resources text[];
