-- Every version of every row that sagas write, for the recording.
CREATE TABLE history (nr bigserial PRIMARY KEY, version jsonb NOT NULL);

CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO history (version) VALUES (to_jsonb(new));
    RETURN NULL;
END
$$;

CREATE TRIGGER remember AFTER INSERT OR UPDATE ON saga FOR EACH ROW EXECUTE FUNCTION remember();
CREATE TRIGGER remember AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION remember();
