"""Data for undoing a split, and the shape of the site's table when a series was last written: a
column that was renamed or changed its type is no person's edit.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE session_worker.series
    ADD continues jsonb,  -- "this and following": what the series took over, to give it back
    ADD shape text;       -- the site's columns when the series was last written

-- The site's columns by signature: attribute number -> name, and the table's oid under "table".
CREATE TABLE session_worker.site_shape (
    signature  text PRIMARY KEY,
    columns    jsonb NOT NULL
);

-- Values that were written to tutor_sessions once, as the table of today holds them: without those
-- of columns that are gone, or that their column cannot hold any more.
CREATE FUNCTION session_worker.as_held_today(cells jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    held jsonb;
    name text;
    found jsonb := '{}';
BEGIN
    BEGIN
        EXECUTE 'SELECT to_jsonb(jsonb_populate_record(NULL::tutor_sessions, $1))'
           INTO held USING cells;
        RETURN (SELECT coalesce(jsonb_object_agg(k, held->k), '{}')
                  FROM jsonb_object_keys(cells) k WHERE held ? k);
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    FOR name IN SELECT jsonb_object_keys(cells) LOOP
        BEGIN
            EXECUTE 'SELECT to_jsonb(jsonb_populate_record(NULL::tutor_sessions, $1))'
               INTO held USING jsonb_build_object(name, cells->name);
            IF held ? name THEN
                found := found || jsonb_build_object(name, held->name);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    RETURN found;
END
$$;

-- Keys that have another name today.
CREATE FUNCTION session_worker.renamed(cells jsonb, names jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(coalesce(names->>key, key), value), '{}')
      FROM jsonb_each(cells)
$$;
"""


def upgrade() -> None:
    op.execute(COLUMNS)
