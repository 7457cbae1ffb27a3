-- A table for exectap's lines in the native format. Run with PostgreSQL 15.18; README.md has the commands.
--
-- Each line is a row; `line` has all of its keys. A line that arrives twice has the same event_id and is stored once.
-- PostgreSQL's time has microseconds: the nine digits are in line->>'timestamp'.

CREATE TABLE exectap (
    event_id text PRIMARY KEY,
    time timestamptz NOT NULL,
    type text NOT NULL,
    host text NOT NULL,
    pid bigint,
    ppid bigint,
    id text,
    parent_id text,
    username text,
    exe text,
    parent_exe text,
    cwd text,
    command_line text,
    line jsonb NOT NULL
);
CREATE INDEX exectap_time ON exectap USING brin (time);
-- a path can be longer than the 2,704 bytes of an entry of a B-tree
CREATE INDEX exectap_exe ON exectap USING hash (exe);
CREATE INDEX exectap_id ON exectap (id);
CREATE INDEX exectap_parent_id ON exectap (parent_id);

-- The arguments with blanks between them; NULL if there are none.
CREATE FUNCTION exectap_joined(arguments jsonb) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
    SELECT string_agg(value, ' ' ORDER BY position)
    FROM jsonb_array_elements_text(arguments) WITH ORDINALITY AS a (value, position)
$$;

-- The view takes lines: INSERT INTO exectap_lines VALUES ('{"timestamp":…}'), or COPY as README.md has it.
CREATE VIEW exectap_lines AS SELECT line::text AS line FROM exectap;

CREATE FUNCTION exectap_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    event jsonb := NEW.line::jsonb;
BEGIN
    INSERT INTO exectap VALUES (
        event->>'event_id', (event->>'timestamp')::timestamptz, event->>'type', event->>'host',
        (event->>'pid')::bigint, (event->>'ppid')::bigint, event->>'id', event->>'parent_id', event->>'user',
        event->>'exe', event->>'parent_exe', event->>'cwd', coalesce(event->>'command_line', exectap_joined(event->'args')), event)
    ON CONFLICT (event_id) DO NOTHING;
    RETURN NEW;
END
$$;

CREATE TRIGGER exectap_insert INSTEAD OF INSERT ON exectap_lines FOR EACH ROW EXECUTE FUNCTION exectap_insert();
