"""What a store of a version before looks like, and how it becomes one of today's.

Version 3 of a file (1 of a server) knew the pen alone: a template was found by its user, and the head named
the one model. Since version 4 (2) templates and vectors are found by user and modality, and each modality has
a model. Neither had a tally of the rows, nor their marks (`Ledger`): it is made of the rows that are there.

Rows are moved as they are. What is sealed for the pen is bound to no name of a modality (`Rows`), so none has
to be opened, and the audit log stays as it was.
"""

from typing import Final

OLD_VERSIONS: Final = (3, 4)
"""Of a file: read as they are, and migrated when opened for writing."""
WITHOUT_MODALITIES: Final = 3

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


def selection(table: str, *, schema: str, version: int) -> str:
    """Return the query of a table's rows with the columns of `COLUMNS`, of a store of that version.

    >>> selection("records", schema="main", version=3)
    'SELECT kind, subject, content FROM main.records'
    """
    if version == WITHOUT_MODALITIES and table in _AS_TODAY:
        return _AS_TODAY[table].format(schema=schema)
    return f"SELECT {COLUMNS[table]} FROM {schema}.{table}"  # noqa: S608, names of ours


# SQLite looks names up in the temporary database first. That is in memory, so this works where nothing can be
# written, and the statements for today's tables need not know.
_HEAD_AS_TODAY: Final = {
    "state": "SELECT revision, salt, secret, NULL AS tally FROM main.state",
    "seals": """
        SELECT 'people' AS part, templates.subject AS subject, templates.modality AS kind,
            CAST(substr(templates.content, 1, 12) || COALESCE(substr(vectors.content, 1, 12), zeroblob(12))
                AS BLOB) AS mark
        FROM templates LEFT JOIN vectors USING (subject, modality)
        UNION ALL
        SELECT 'records', subject, kind, substr(content, 1, 12) FROM records""",
}
SHOW_AS_TODAY: Final = {
    version: {
        **{
            table: selection(table, schema="main", version=version)
            for table in _AS_TODAY
            if version == WITHOUT_MODALITIES
        },
        **_HEAD_AS_TODAY,
    }
    for version in OLD_VERSIONS
}
"""For each old version: views after which a file reads like one of today's, but without a tally."""

SET_HEAD_ASIDE: Final = "ALTER TABLE state RENAME TO old_state;"
"""The first statement of a migration in SQLite; today's head and marks are made next."""
SET_ASIDE: Final = """
ALTER TABLE templates RENAME TO old_templates;
ALTER TABLE vectors RENAME TO old_vectors;
DROP INDEX changes;
"""
"""The first statements where modalities are to be brought; today's tables are made next."""
MOVE_MODELS: Final = """
INSERT INTO models (modality, model_id) SELECT 'pen', model_id FROM old_state WHERE model_id IS NOT NULL;
"""
MOVE_HEAD: Final = """
INSERT INTO state (revision, salt, secret, tally) SELECT revision, salt, secret, x'' FROM old_state;
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

_POSTGRES_MODALITIES: Final = """
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
"""
POSTGRES_COUNTERS: Final = """
CREATE TABLE IF NOT EXISTS counters (
    store TEXT PRIMARY KEY, number BIGINT NOT NULL, mac BYTEA NOT NULL,
    owner NAME NOT NULL DEFAULT SESSION_USER
);
CREATE OR REPLACE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql
    SET search_path = sigverify, pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.number < OLD.number OR NEW.owner <> OLD.owner THEN
        RAISE insufficient_privilege USING MESSAGE = 'permission denied: a counter only rises';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER count_up BEFORE UPDATE ON counters FOR EACH ROW EXECUTE FUNCTION count_up();
"""
"""The counters of files elsewhere; a server that has no store may have them too."""
_POSTGRES_HEAD: Final = """
CREATE TABLE seals (
    part TEXT, kind TEXT, subject BYTEA, mark BYTEA NOT NULL, PRIMARY KEY (part, kind, subject)
);
ALTER TABLE state ADD COLUMN tally BYTEA NOT NULL DEFAULT '';
ALTER TABLE state ALTER COLUMN tally DROP DEFAULT;
"""


def grants_like(like: str, new: str) -> str:
    """Return the statements after which whoever may use one table may use another one likewise."""
    return _GRANTS.format(like=like, new=new)


_GRANTS: Final = """
DO $$
DECLARE
    held record;
BEGIN
    -- Kiosks may have roles of their own: whoever may use {like} may use {new} likewise.
    FOR held IN
        SELECT privilege_type AS privilege,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role
        FROM pg_class, aclexplode(relacl)
        WHERE oid = 'sigverify.{like}'::regclass AND grantee <> relowner
    LOOP
        EXECUTE 'GRANT ' || held.privilege || ' ON {new} TO ' || held.role;
    END LOOP;
END $$;
"""
POSTGRES: Final = {
    1: _POSTGRES_MODALITIES
    + _POSTGRES_HEAD
    + POSTGRES_COUNTERS
    + grants_like("state", "models")
    + grants_like("records", "seals"),
    2: _POSTGRES_HEAD + POSTGRES_COUNTERS + grants_like("records", "seals"),
}
"""For each old version, what makes its tables today's: no row is copied, indexes are built anew."""
