-- What the tests of testkit itself migrate.
CREATE SCHEMA side;
CREATE TABLE thing (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE side.note (text text NOT NULL);
CREATE FUNCTION things() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM thing';
INSERT INTO thing VALUES (1, 'from the migration');
