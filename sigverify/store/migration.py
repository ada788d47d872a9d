"""What a store of the version before looks like, and how it becomes one of today's.

Version 3 of a file (1 of a server) knew the pen alone: a template was found by its user, and the head named
the one model. Today templates and vectors are found by user and modality, and each modality has a model.

Rows are moved as they are. What is sealed for the pen is bound to no name of a modality (`Rows`), so nothing
has to be opened, no key is needed, and the audit log stays as it was.
"""

from typing import Final

COLUMNS: Final = {
    "models": "modality, model_id",
    "templates": "subject, modality, content",
    "vectors": "subject, modality, content, revision",
    "records": "kind, subject, content",
    "journals": "kind, number, content",
}
"""All tables of a store but its head, in one order of columns whatever order they were made in."""

_AS_TODAY: Final = {
    "models": "SELECT 'pen' AS modality, model_id FROM {schema}.state WHERE model_id IS NOT NULL",
    "templates": "SELECT subject, 'pen' AS modality, content FROM {schema}.templates",
    "vectors": "SELECT subject, 'pen' AS modality, content, revision FROM {schema}.vectors",
}
"""The tables that changed, as an old store can answer for them."""


def selection(table: str, *, schema: str, old: bool) -> str:
    """Return the query of a table's rows with the columns of `COLUMNS`, of an old store or of today's.

    >>> selection("records", schema="main", old=True)
    'SELECT kind, subject, content FROM main.records'
    """
    if old and table in _AS_TODAY:
        return _AS_TODAY[table].format(schema=schema)
    return f"SELECT {COLUMNS[table]} FROM {schema}.{table}"  # noqa: S608, names of ours


# SQLite looks names up in the temporary database first. That is in memory, so this works where nothing can be
# written, and the statements for today's tables need not know.
SHOW_AS_TODAY: Final = tuple(
    f"CREATE TEMP VIEW {table} AS {selection(table, schema='main', old=True)}" for table in _AS_TODAY
)
"""Statements after which an old file reads like one of today's."""
SHOW_AS_IT_IS: Final = tuple(f"DROP VIEW temp.{table}" for table in _AS_TODAY)
"""Undoes `SHOW_AS_TODAY`."""

SET_ASIDE: Final = """
ALTER TABLE templates RENAME TO old_templates;
ALTER TABLE vectors RENAME TO old_vectors;
ALTER TABLE state RENAME TO old_state;
DROP INDEX changes;
"""
"""The first statements of a migration in SQLite; today's tables are made next."""
MOVE_HEAD: Final = """
INSERT INTO models (modality, model_id) SELECT 'pen', model_id FROM old_state WHERE model_id IS NOT NULL;
INSERT INTO state (revision, salt, secret) SELECT revision, salt, secret FROM old_state;
DROP TABLE old_state;
"""
# By turns and in parts (100 people are less than 2 MB): the pages that are freed take the next rows, and
# the file does not grow to twice its size.
MOVES: Final = {
    "templates": (
        """INSERT INTO templates (subject, modality, content)
        SELECT subject, 'pen', content FROM old_templates ORDER BY subject LIMIT 100""",
        """DELETE FROM old_templates WHERE subject IN
        (SELECT subject FROM old_templates ORDER BY subject LIMIT 100)""",
    ),
    "vectors": (
        """INSERT INTO vectors (subject, modality, content, revision)
        SELECT subject, 'pen', content, revision FROM old_vectors ORDER BY subject LIMIT 100""",
        """DELETE FROM old_vectors WHERE subject IN
        (SELECT subject FROM old_vectors ORDER BY subject LIMIT 100)""",
    ),
}
"""For each table: what copies some rows, and what deletes the same from the old one."""

POSTGRES: Final = """
CREATE TABLE models (modality TEXT PRIMARY KEY, model_id TEXT NOT NULL);
INSERT INTO models SELECT 'pen', model_id FROM state WHERE model_id IS NOT NULL;
ALTER TABLE state DROP COLUMN model_id;
ALTER TABLE templates ADD COLUMN modality TEXT NOT NULL DEFAULT 'pen';
ALTER TABLE templates ALTER COLUMN modality DROP DEFAULT;
ALTER TABLE templates DROP CONSTRAINT templates_pkey, ADD PRIMARY KEY (subject, modality);
ALTER TABLE vectors ADD COLUMN modality TEXT NOT NULL DEFAULT 'pen';
ALTER TABLE vectors ALTER COLUMN modality DROP DEFAULT;
ALTER TABLE vectors DROP CONSTRAINT vectors_pkey, ADD PRIMARY KEY (subject, modality);
DROP INDEX changes;
CREATE UNIQUE INDEX changes ON vectors (revision, subject, modality);
DO $$
DECLARE
    held record;
BEGIN
    -- Kiosks may have roles of their own: whoever may use the head may use the new table likewise.
    FOR held IN
        SELECT privilege_type AS privilege,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role
        FROM pg_class, aclexplode(relacl)
        WHERE oid = 'sigverify.state'::regclass AND grantee <> relowner
    LOOP
        EXECUTE 'GRANT ' || held.privilege || ' ON models TO ' || held.role;
    END LOOP;
END $$;
"""
"""A migration on a server: no row is copied, the indexes are built anew."""
