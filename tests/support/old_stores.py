"""Stores as versions before wrote them: schema 3 of a file (1 of a server), with the pen alone, and 4 (2)."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace

from builders import template

from sigverify.protection.keys import Key
from sigverify.protection.sealing import SALT_BYTES, Sealer
from sigverify.store.rows import Rows

KEY = Key(bytes(range(32)))
MODEL_ID = template(count=1).model_id

SQLITE = """
CREATE TABLE state (revision INTEGER NOT NULL, model_id TEXT, salt BLOB NOT NULL, secret BLOB NOT NULL);
CREATE TABLE templates (subject BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE vectors (
    subject BLOB PRIMARY KEY, content BLOB NOT NULL, revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX changes ON vectors (revision, subject);
CREATE TABLE records (
    kind TEXT, subject BLOB, content BLOB NOT NULL, PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE TABLE journals (
    kind TEXT, number INTEGER, content BLOB NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
"""
WITH_MODALITIES = """
DROP INDEX changes;
DROP TABLE state;
DROP TABLE templates;
DROP TABLE vectors;
CREATE TABLE state (revision INTEGER NOT NULL, salt BLOB NOT NULL, secret BLOB NOT NULL);
CREATE TABLE models (modality TEXT PRIMARY KEY, model_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE templates (
    subject BLOB, modality TEXT, content BLOB NOT NULL, PRIMARY KEY (subject, modality)
);
CREATE TABLE vectors (
    subject BLOB, modality TEXT, content BLOB NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (subject, modality)
) WITHOUT ROWID;
CREATE UNIQUE INDEX changes ON vectors (revision, subject, modality);
"""
POSTGRES = """
CREATE SCHEMA IF NOT EXISTS sigverify;
SET search_path TO sigverify, pg_catalog;
CREATE TABLE version (version INTEGER NOT NULL);
CREATE TABLE state (revision BIGINT NOT NULL, model_id TEXT, salt BYTEA NOT NULL, secret BYTEA NOT NULL);
CREATE TABLE templates (subject BYTEA PRIMARY KEY, content BYTEA NOT NULL);
CREATE TABLE vectors (subject BYTEA PRIMARY KEY, content BYTEA NOT NULL, revision BIGINT NOT NULL);
CREATE UNIQUE INDEX changes ON vectors (revision, subject);
CREATE TABLE records (
    kind TEXT, subject BYTEA, content BYTEA NOT NULL, changed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX changed_records ON records (changed);
CREATE TABLE gone (kind TEXT, subject BYTEA, changed BIGINT NOT NULL, PRIMARY KEY (kind, subject));
CREATE INDEX changed_gone ON gone (changed);
CREATE TABLE journals (
    kind TEXT, number BIGINT, content BYTEA NOT NULL, PRIMARY KEY (kind, number)
);
CREATE SEQUENCE record_changes;
CREATE FUNCTION note_record() RETURNS trigger LANGUAGE plpgsql SET search_path = sigverify, pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO gone VALUES (OLD.kind, OLD.subject, nextval('record_changes'))
        ON CONFLICT (kind, subject) DO UPDATE SET changed = excluded.changed;
        RETURN OLD;
    END IF;
    NEW.changed := nextval('record_changes');
    DELETE FROM gone WHERE kind = NEW.kind AND subject = NEW.subject;
    RETURN NEW;
END $$;
CREATE TRIGGER note_record BEFORE INSERT OR UPDATE OR DELETE ON records
    FOR EACH ROW EXECUTE FUNCTION note_record();
INSERT INTO version VALUES (1);
"""
POSTGRES_WITH_MODALITIES = """
UPDATE version SET version = 2;
ALTER TABLE state DROP COLUMN model_id;
CREATE TABLE models (modality TEXT PRIMARY KEY, model_id TEXT NOT NULL);
DROP TABLE templates;
DROP TABLE vectors;
CREATE TABLE templates (
    subject BYTEA, modality TEXT, content BYTEA NOT NULL, PRIMARY KEY (subject, modality)
);
CREATE TABLE vectors (
    subject BYTEA, modality TEXT, content BYTEA NOT NULL, revision BIGINT NOT NULL,
    PRIMARY KEY (subject, modality)
);
CREATE UNIQUE INDEX changes ON vectors (revision, subject, modality);
"""


def old_file(path, people=3, *, journal=True, version=3):
    """Write a file with `user-0` … enrolled by one reference each, a record of each and a journal."""
    with closing(sqlite3.connect(path)) as database:
        script = SQLITE + (WITH_MODALITIES if version == 4 else "")
        database.executescript("PRAGMA journal_mode = WAL; BEGIN;" + script)
        _fill(database.execute, people, journal=journal, modalities=version == 4)
        database.execute(f"PRAGMA application_id = {int.from_bytes(b'SIGV', 'big')}")
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
    return path


def old_server(url, people=3, *, version=1):
    """Make the same in an empty database of a server."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute(POSTGRES + (POSTGRES_WITH_MODALITIES if version == 2 else ""))

        def execute(statement, values):
            connection.execute(statement.replace("?", "%s"), values)

        _fill(execute, people, modalities=version == 2)
    return url


def _fill(execute, people, *, journal=True, modalities=False):
    salt = os.urandom(SALT_BYTES)
    secret = Sealer(KEY, salt).seal("secret", os.urandom(32))
    rows, one = Rows(KEY, salt, secret, old=True), template(count=1)
    if modalities:
        execute("INSERT INTO state VALUES (?, ?, ?)", (people, salt, secret))
        execute("INSERT INTO models SELECT 'pen', ? FROM state WHERE revision > 0", (MODEL_ID,))
    else:
        execute("INSERT INTO state VALUES (?, ?, ?, ?)", (people, MODEL_ID if people else None, salt, secret))
    pen = ("pen",) * modalities
    marks = ", ?" * modalities
    for number in range(people):
        its = replace(one, user_id=f"user-{number}")
        user = rows.user(its.user_id)
        execute(f"INSERT INTO templates VALUES (?, ?{marks})", (user, *pen, rows.seal_template(its)))  # noqa: S608
        vectors = (user, *pen, rows.seal_vectors(its), number + 1)
        execute(f"INSERT INTO vectors VALUES (?, ?, ?{marks})", vectors)  # noqa: S608
        if journal:
            record = rows.seal_record("lockout", its.user_id, b"tries")
            execute(
                "INSERT INTO records (kind, subject, content) VALUES (?, ?, ?)",
                ("lockout", rows.subject("lockout", its.user_id), record),
            )
            entry = rows.seal_entry("audit", number + 1, its.user_id.encode())
            execute("INSERT INTO journals VALUES (?, ?, ?)", ("audit", number + 1, entry))
