-- RFC 8707: the services that a client's tokens may be for. NULL: whatever its scopes allow. An empty list would be for none.
ALTER TABLE client
    ADD CONSTRAINT client_resources_are_not_empty CHECK (resources <> '{}');
