-- What was seen instead of the last answer. A step that needs somebody is asked for again and again: the log tells of
-- fewer and fewer of the attempts, and this of the last one.
ALTER TABLE saga ADD last_silence jsonb;
