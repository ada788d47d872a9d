"""`ClearVectors`: a table from which a PostgreSQL server finds the nearest people by itself; needs pgvector.

All else in a store is sealed. These vectors are not: they are turned by the store's renewal and lie there as
numbers, which is what lets the server compare them. docs/security.md says what that is worth. So nobody makes
the table but who owns the others and asks for it.

================  ======================================================================================
column            what
================  ======================================================================================
subject           what the person is found by, as in `seals`: a keyed digest
modality, place   of which references, and which of them
seal              the nonce of the row of vectors that it was read from, as `seals` names it
vector            float16, as in the sealed row: nothing is lost
================  ======================================================================================

**A vector is used only where `seals` names its seal now.** A trigger of `seals` deletes the vectors of who is
forgotten, replaced or rekeyed, in the same transaction, whichever program makes the change. Whoever has the
key puts those of new people there (`fill`): a page at a time, one process after the other, each page whole or
not at all. Nothing notes how far that went: a process that starts asks who is missing.

Graphs are made by `index`, one for each modality; without one the server compares with every vector.
"""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace as changed
from typing import Final, NamedTuple

import numpy as np

from sigverify.arrays import Float32Array, RealArray
from sigverify.errors import ConfigError, MalformedTemplate
from sigverify.modality.registry import NAME
from sigverify.store.migration import grants_like
from sigverify.store.postgres import PostgresStore
from sigverify.store.rows import Rows, skipping_damage
from sigverify.store.store import Mark
from sigverify.store.tally import check_newest, marks_of
from sigverify.template import Template, spellings

_log = logging.getLogger(__name__)

EXPANSION_SEARCH: Final = 256
"""How many vectors a search looks at, at least; like the graph's own two numbers as in `ApproximateIndex`."""
OLDEST: Final = (0, 8)
"""Version of pgvector: the first that goes on along a graph until enough are found."""

_FURTHEST: Final = 1_000_000
"""Vectors that a search may look at before it is given up: of a group, it may have to go far."""
_LOCK: Final = int.from_bytes(b"SIGF", "big")
_PACKAGES: Final = (
    "An administrator of the server installs pgvector (Debian: postgresql-17-pgvector) and says, in this "
    "database: CREATE EXTENSION vector"
)
_HOW_TO_MAKE: Final = "With the role that owns the tables: sigverify fleet init --vectors"


class Near(NamedTuple):
    """One vector that the server found near.

    Attributes:
        subject: whose it says it is.
        seal: of the row of vectors that it was read from.
    """

    subject: bytes
    seal: bytes


class ClearVectors:
    """The table of one store. Threads may share it."""

    def __init__(self, store: PostgresStore) -> None:
        """Take the store; nothing is asked or made yet."""
        self._store = store
        self._schema: str | None = None

    def is_made(self) -> bool:
        """Say whether the table is there."""
        with self._store.database.guard("read"):
            return self._store.database.execute(_IS_MADE).fetchone() is not None

    def require(self) -> None:
        """Refuse a store whose server cannot search.

        Raises:
            ConfigError: the extension is not there, or too old, or nobody has made the table.
        """
        self._extension()
        if not self.is_made():
            raise ConfigError(
                f"the server {self._store.path} has no vectors to search",
                expected="the table that an administrator asks for",
                hint=_HOW_TO_MAKE,
            )

    def make(self) -> None:
        """Make the table, and what keeps it to people who are there; where it is made, do that anew.

        Raises:
            ConfigError: the extension is not there, or too old.
            StoreError: this role does not own the tables.
        """
        schema = self._extension()
        with self._store.changing():
            self._store.database.execute(
                _MAKE.format(schema=schema) + grants_like("vectors", "clear_vectors")
            )

    def drop(self) -> None:
        """Remove the table, if it is there: from then on the server sees sealed rows alone.

        Raises:
            StoreError: this role does not own it.
        """
        with self._store.changing():
            self._store.database.execute(_DROP)

    def tidy(self, modality: str) -> int:
        """Drop graphs that are not of the vectors there are, or were never finished; return the dimensions.

        0: there are no vectors of that modality.

        Raises:
            StoreError: this role does not own the table.
        """
        name, database = _checked(modality), self._store.database
        with database.guard("write"):
            row = database.execute(_SIZE.format(schema=self._extension()), (name,)).fetchone()
            size = 0 if row is None else int(row[0])
            for graph, is_whole in database.execute(_GRAPHS, (name,)).fetchall():
                if graph != f"clear_{name}_{size}" or not is_whole:
                    database.execute(f"DROP INDEX sigverify.{graph}")
        return size

    def index(self, modality: str) -> int:
        """Make the graph of a modality, where there is none, while others search; return its dimensions.

        0: there are no vectors of that modality, whose dimensions would say how to make it.

        Raises:
            StoreError: this role does not own the table.
        """
        size = self.tidy(modality)
        if size and not self.has_graph(modality):
            graph = _GRAPH.format(schema=self._extension(), modality=modality, size=size)
            database = self._store.database
            with database.guard("write"):
                database.execute(_WITHOUT_LIMIT)
                try:
                    database.execute(graph)
                finally:
                    database.execute(_WITH_LIMIT)
                database.execute("ANALYZE clear_vectors")
        return size

    def has_graph(self, modality: str) -> bool:
        """Say whether a modality has a graph."""
        with self._store.database.guard("read"):
            return any(whole for _, whole in self._store.database.execute(_GRAPHS, (_checked(modality),)))

    def may_fill(self) -> bool:
        """Say whether this role may put vectors there: a kiosk's may not."""
        with self._store.database.guard("read"):
            row = self._store.database.execute(_MAY_FILL).fetchone()
            return row is not None and bool(row[0])

    def fill(self, modality: str, after: Mark, *, limit: int) -> tuple[Mark, bool]:
        """Put vectors of people changed after a mark there, whom the table has not as they are now.

        Returns:
            where to go on, and whether nothing was left.

        Raises:
            StoreError: the server is away, or another process has been at it for too long.
        """
        schema = self._extension()
        with self._store.beside() as rows:
            # One after the other: two that put the same people in would place each vector in the graph twice.
            self._store.database.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
            found = self._store.database.execute(_MISSING, (_checked(modality), *after, limit)).fetchall()
            head, salt = Mark(found[0][0], b"\xff" * 32), found[0][1]
            missing = [row[2:] for row in found if row[2] is not None]
            if not missing:
                return head, True
            if salt != rows.salt:  # rekeyed a moment ago: nothing here would open
                return after, False
            self._put(modality, schema, _opened(missing, modality, rows))
            return Mark(missing[-1][0], missing[-1][1], modality), False

    def nearest(
        self, modality: str, vector: Float32Array, limit: int, *, among: Iterable[bytes] | None = None
    ) -> list[Near]:
        """Return the vectors of the largest products with `vector` `(e,)`, best first, within `reading`.

        Args:
            modality: of the references.
            vector: of length 1, turned as the store's are.
            limit: how many vectors.
            among: subjects; then exactly those people's are compared. None: the graph is walked.
        """
        schema, database = self._extension(), self._store.database
        asked = _words([vector])[0]
        if among is not None:
            whose = (_checked(modality), list(among), asked, limit)
            found = database.execute(_AMONG.format(schema=schema), whose)
        else:
            database.execute(_WALK.format(wide=min(1000, max(EXPANSION_SEARCH, limit)), far=_FURTHEST))
            statement = _NEAREST.format(schema=schema, size=len(vector))
            found = database.execute(statement, (_checked(modality), asked, limit))
        # A server that lies may have put anything in the table's place.
        return [Near(*each) for each in found if all(isinstance(its, bytes) for its in each)]

    def templates(self, modality: str, near: Sequence[Near]) -> list[Template]:
        """Open the templates that vectors lead to, each person's once and in that order, within `reading`.

        Who is gone, or has been enrolled anew since a vector was read, is left out, and so is one whose
        template is of another version of the program.

        Raises:
            DamagedStore: a template is not the newest that was written there, or not that person's.
        """
        subjects = list(dict.fromkeys(each.subject for each in near))
        found = self._store.database.execute(_TEMPLATES, (_checked(modality), subjects)).fetchall()
        there = {bytes(row[0]): row[1:] for row in found}
        opened: dict[bytes, Template] = {}
        with self._store.reading() as rows:
            for subject, seal in near:
                mark, content, model_id = there.get(subject, (None, None, None))
                if subject in opened or mark is None or marks_of(mark)[1] != seal:
                    continue
                newest = check_newest(content, marks_of(mark)[0], "template")
                try:
                    template = rows.open_template(subject, modality, model_id or "", newest)
                except MalformedTemplate as error:
                    _log.warning("somebody cannot be found until they enroll again: %s", error)
                else:
                    opened[subject] = changed(template, user_id=spellings(template.user_id)[0])
        return list(opened.values())

    def strays(self) -> list[tuple[bytes, str]]:
        """Return subject and modality of vectors that are of no row now: somebody took the trigger away."""
        with self._store.reading():
            return [(bytes(subject), str(kind)) for subject, kind in self._store.database.execute(_STRAYS)]

    def delete_strays(self) -> None:
        """Delete them, within a transaction."""
        self._store.database.execute(_DELETE_STRAYS)

    def _put(self, modality: str, schema: str, opened: Iterable[tuple[bytes, bytes, RealArray]]) -> None:
        subjects: list[bytes] = []
        places: list[int] = []
        seals: list[bytes] = []
        words: list[str] = []
        for subject, seal, vectors in opened:
            subjects += [subject] * len(vectors)
            seals += [seal] * len(vectors)
            places += range(len(vectors))
            words += _words(vectors)
        values = (modality, subjects, places, seals, words, modality)
        self._store.database.execute(_PUT.format(schema=schema), values)

    def _extension(self) -> str:
        """Return the schema that pgvector is in, quoted.

        Raises:
            ConfigError: it is not there, or too old.
        """
        if self._schema is None:
            with self._store.database.guard("read"):
                row = self._store.database.execute(_EXTENSION).fetchone()
            if row is None:
                raise ConfigError(
                    f"the server {self._store.path} cannot search: it has no pgvector",
                    expected="the extension vector in this database",
                    hint=_PACKAGES,
                )
            schema, version = str(row[0]), str(row[1])
            if tuple(int(each) for each in re.findall(r"\d+", version)[:2]) < OLDEST:
                raise ConfigError(
                    f"pgvector of the server {self._store.path} is too old",
                    expected=".".join(map(str, OLDEST)) + " or newer",
                    received=version,
                    hint="An administrator of the server installs it and says: ALTER EXTENSION vector UPDATE",
                )
            self._schema = schema
        return self._schema


def _opened(
    rows: Iterable[Sequence[object]], modality: str, opener: Rows
) -> Iterable[tuple[bytes, bytes, RealArray]]:
    """Yield subject, seal and vectors of sealed rows; one that is damaged is left out and logged."""
    for _, subject, content, mark, model_id in rows:
        with skipping_damage():
            seal = marks_of(mark)[1]
            its = bytes(subject)  # type: ignore[call-overload]
            newest = check_newest(content, seal, "row of vectors")  # type: ignore[arg-type]
            yield its, seal, opener.open_vectors(its, modality, str(model_id or ""), newest).vectors


def _checked(modality: str) -> str:
    """Return the name of a modality, if it may stand in a statement."""
    if not NAME.fullmatch(modality):
        raise ConfigError(
            "name of a modality",
            expected=f"a name like {NAME.pattern}",
            received=modality[:60],
        )
    return modality


def _words(vectors: Iterable[RealArray]) -> list[str]:
    """Write vectors as pgvector reads them: float16 in the fewest digits that say it."""
    return ["[" + ",".join(map(str, np.asarray(each, np.float16).tolist())) + "]" for each in vectors]


_EXTENSION: Final = """
SELECT quote_ident(nspname), extversion
FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'vector'
"""
_IS_MADE: Final = "SELECT 1 FROM pg_tables WHERE schemaname = 'sigverify' AND tablename = 'clear_vectors'"
_MAKE: Final = """
CREATE TABLE IF NOT EXISTS clear_vectors (
    subject BYTEA, modality TEXT, place SMALLINT, seal BYTEA NOT NULL, vector {schema}.halfvec NOT NULL,
    PRIMARY KEY (modality, subject, place)
);
-- As the owner: who may replace a person's template may not delete anything here.
CREATE OR REPLACE FUNCTION drop_clear_vectors() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = sigverify, pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM clear_vectors WHERE modality = OLD.kind AND subject = OLD.subject;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION drop_clear_vectors() FROM PUBLIC;
CREATE OR REPLACE TRIGGER drop_clear_vectors AFTER UPDATE OF mark OR DELETE ON seals
    FOR EACH ROW WHEN (OLD.part = 'people') EXECUTE FUNCTION drop_clear_vectors();
"""
_DROP: Final = """
DROP TRIGGER IF EXISTS drop_clear_vectors ON seals;
DROP FUNCTION IF EXISTS drop_clear_vectors();
DROP TABLE IF EXISTS clear_vectors;
"""
_SIZE: Final = "SELECT {schema}.vector_dims(vector) FROM clear_vectors WHERE modality = ? LIMIT 1"
_GRAPHS: Final = """
SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'sigverify.clear_vectors'::regclass AND relname ~ ('^clear_' || ? || '_[0-9]+$')
"""
_GRAPH: Final = """
CREATE INDEX CONCURRENTLY clear_{modality}_{size} ON clear_vectors
USING hnsw ((vector::{schema}.halfvec({size})) {schema}.halfvec_ip_ops)
WITH (m = 16, ef_construction = 64) WHERE modality = '{modality}'
"""
_WITHOUT_LIMIT: Final = "SET statement_timeout TO 0"  # a graph of millions takes minutes
_WITH_LIMIT: Final = "SET statement_timeout TO 60000"
_MAY_FILL: Final = "SELECT has_table_privilege('sigverify.clear_vectors', 'INSERT')"
# One statement, so one moment: all that changed up to that revision is seen. A mark names the template's
# sealing by its first 12 bytes, and that of the vectors by the rest.
_MISSING: Final = """
SELECT head.revision, salt, missing.*
FROM (SELECT revision, salt FROM state) AS head LEFT JOIN (
    SELECT vectors.revision, vectors.subject, content, mark,
        (SELECT model_id FROM models WHERE models.modality = vectors.modality)
    FROM vectors JOIN seals ON part = 'people' AND kind = vectors.modality AND seals.subject = vectors.subject
    WHERE vectors.modality = ? AND (vectors.revision, vectors.subject, vectors.modality) > (?, ?, ?)
        AND NOT EXISTS (
            SELECT 1 FROM clear_vectors AS there
            WHERE there.modality = vectors.modality AND there.subject = vectors.subject AND place = 0
                AND seal = substr(mark, 13)
        )
    ORDER BY vectors.revision, vectors.subject LIMIT ?
) AS missing ON TRUE
ORDER BY missing.revision, missing.subject
"""
# Their marks are locked until the commit, and read as they are now: nobody who is being forgotten comes back.
_PUT: Final = """
INSERT INTO clear_vectors (subject, modality, place, seal, vector)
SELECT new.subject, ?, place, seal, words::{schema}.halfvec
FROM unnest(?::bytea[], ?::smallint[], ?::bytea[], ?::text[]) AS new (subject, place, seal, words)
    JOIN seals ON part = 'people' AND kind = ? AND seals.subject = new.subject
        AND substr(mark, 13) = seal
FOR SHARE OF seals
ON CONFLICT (modality, subject, place) DO UPDATE SET seal = excluded.seal, vector = excluded.vector
"""
_WALK: Final = """
SET LOCAL hnsw.ef_search TO {wide};
SET LOCAL hnsw.iterative_scan TO strict_order;
SET LOCAL hnsw.max_scan_tuples TO {far};
SET LOCAL hnsw.scan_mem_multiplier TO 8
"""
_NEAREST: Final = """
SELECT subject, seal FROM clear_vectors WHERE modality = ?
ORDER BY (vector::{schema}.halfvec({size})) OPERATOR({schema}.<#>) ?::{schema}.halfvec LIMIT ?
"""
# Their vectors first, then their order: else the graph may be walked until enough of them are met.
_AMONG: Final = """
WITH members AS MATERIALIZED (
    SELECT subject, seal, vector FROM clear_vectors WHERE modality = ? AND subject = ANY(?::bytea[])
)
SELECT subject, seal FROM members ORDER BY vector OPERATOR({schema}.<#>) ?::{schema}.halfvec LIMIT ?
"""
_TEMPLATES: Final = """
SELECT seals.subject, mark, content, model_id FROM seals
    LEFT JOIN templates ON templates.subject = seals.subject AND templates.modality = kind
    LEFT JOIN models ON models.modality = kind
WHERE part = 'people' AND kind = ? AND seals.subject = ANY(?::bytea[])
"""
_IS_STRAY: Final = """ FROM clear_vectors AS there
WHERE NOT EXISTS (
    SELECT 1 FROM seals WHERE part = 'people' AND kind = there.modality AND seals.subject = there.subject
        AND substr(mark, 13) = seal
)
"""
_STRAYS: Final = "SELECT DISTINCT there.subject, there.modality" + _IS_STRAY
_DELETE_STRAYS: Final = "DELETE" + _IS_STRAY
