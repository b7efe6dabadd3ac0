-- Keys come and go. One is published before it signs, signs until a newer one does, stays published as long as anything
-- signed with it may live, and is then retired: not published any more, its private part gone.
ALTER TABLE signing_key ADD COLUMN signs_from timestamptz;
UPDATE signing_key SET signs_from = created_at;
ALTER TABLE signing_key ALTER COLUMN signs_from SET NOT NULL;
