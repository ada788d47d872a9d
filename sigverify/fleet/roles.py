"""`make_roles`: three group roles on a fleet's server, each with what its work needs and nothing more.

======================  =================  =================  =================  ==============
what                    kiosks             stations           administrators     nobody of them
======================  =================  =================  =================  ==============
templates, models       read               and write          and delete
vectors in clear        read               and write          and delete
records of tries        read and write     the same           the same
failures counted        and delete         the same           the same
other records           groups: read       read, write, del.  the same
a kiosk's log           add to its own     add to its own     seal anew          delete
the fleet's log                            read, add          seal anew          delete
head                    lock; tally        and count changes  and rekey
tables, roles                                                                    make, truncate
======================  =================  =================  =================  ==============

Each role has what the one before has. The rights are the server's own: the statements of the SDK stay as they
are, and what is typed into `psql` with a stolen kiosk's role has no more than these. Rows are told apart by
policies, and a trigger that runs as the owner of the tables sees to it that journals are only added to at
their end, and a kiosk's log only by the login that began it.

Every function here that runs as the owner has a path of its own to look names up in, with temporary tables
last: else whoever may make one could put it in the place of ours.
"""

import re
from dataclasses import dataclass
from typing import Final

from sigverify.audit import KIND as AUDIT
from sigverify.errors import ConfigError
from sigverify.fleet.outbox import LOCKOUTS, SHARED
from sigverify.fleet.sync import journal_of
from sigverify.search.groups import KIND as GROUPS
from sigverify.store.postgres import PostgresStore

DEFAULT_PREFIX: Final = "sigverify"
_PREFIX: Final = re.compile(r"[a-z_][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Roles:
    """The names of the three; they are of the whole server, so two fleets there need a prefix each.

    >>> Roles.of("sigverify").kiosks
    'sigverify_kiosks'
    """

    kiosks: str
    stations: str
    administrators: str

    @classmethod
    def of(cls, prefix: str) -> "Roles":
        """Return the roles of that prefix.

        Raises:
            ConfigError: it cannot begin the name of a role.
        """
        if not _PREFIX.fullmatch(prefix):
            raise ConfigError(
                "no prefix of roles", expected="small letters, digits and _", received=prefix[:60]
            )
        return cls(f"{prefix}_kiosks", f"{prefix}_stations", f"{prefix}_administrators")


def make_roles(store: PostgresStore, roles: Roles) -> None:
    """Make the roles and give them their rights, in one transaction; what they had before is taken first.

    The tables' owner alone can, with `CREATEROLE`. Whoever else had rights on the tables sees no rows from
    then on, until they are a member of one of the roles.

    Raises:
        StoreError: the server refuses.
    """
    with store.changing():
        store.database.execute(statements(roles))


def statements(roles: Roles) -> str:
    """Return the SQL that `make_roles` runs, for whoever wants to read it first."""
    names = {
        "kiosks": roles.kiosks,
        "stations": roles.stations,
        "administrators": roles.administrators,
        "all": f"{roles.kiosks}, {roles.stations}, {roles.administrators}",
        "shared": _listed(SHARED),
        "followed": _listed((*SHARED, GROUPS)),
        "failures": _listed(LOCKOUTS),
        "log": f"'{AUDIT}'",
        "logs": f"'{journal_of('')}'",
    }
    return re.sub(r"<(\w+)>", lambda found: names[found[1]], _SQL)


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


_SQL: Final = """
-- Roles that nobody logs in as: each kiosk, station and person has a login of its own, a member of one.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['<kiosks>', '<stations>', '<administrators>'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
            EXECUTE 'CREATE ROLE ' || pg_catalog.quote_ident(name) || ' NOLOGIN';
        END IF;
    END LOOP;
    -- A temporary table takes disk, and hides one of ours from whoever made it.
    EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || pg_catalog.quote_ident(pg_catalog.current_database())
        || ' FROM PUBLIC';
END $$;
GRANT <kiosks> TO <stations>;
GRANT <stations> TO <administrators>;
REVOKE ALL ON ALL TABLES IN SCHEMA sigverify FROM PUBLIC, <all>;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA sigverify FROM PUBLIC, <all>;
REVOKE ALL ON SCHEMA sigverify FROM PUBLIC, <all>;
GRANT USAGE ON SCHEMA sigverify TO <kiosks>;

-- Who began which kiosk's log.
CREATE TABLE IF NOT EXISTS sigverify.log_owners (kind TEXT PRIMARY KEY, owner NAME NOT NULL);

-- The fleet's key, wrapped for each kiosk that has a key of its own.
CREATE TABLE IF NOT EXISTS sigverify.kiosk_keys (
    name TEXT PRIMARY KEY, public BYTEA NOT NULL UNIQUE, wrapped BYTEA NOT NULL
);
GRANT SELECT ON sigverify.kiosk_keys TO <kiosks>;
GRANT INSERT, UPDATE, DELETE ON sigverify.kiosk_keys TO <administrators>;

CREATE OR REPLACE FUNCTION sigverify.owns_log(asked TEXT) RETURNS BOOLEAN
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = sigverify, pg_catalog, pg_temp
RETURN EXISTS (SELECT 1 FROM sigverify.log_owners WHERE kind = asked AND owner = SESSION_USER);

CREATE OR REPLACE FUNCTION sigverify.add_to_journal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = sigverify, pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM journals WHERE kind = NEW.kind) THEN
        RAISE insufficient_privilege USING MESSAGE = 'permission denied: a journal is added to at its end';
    END IF;
    IF starts_with(NEW.kind, <logs>) THEN
        INSERT INTO log_owners VALUES (NEW.kind, SESSION_USER) ON CONFLICT DO NOTHING;
        IF NOT owns_log(NEW.kind) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied: the log of another kiosk';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER add_to_journal BEFORE INSERT ON sigverify.journals
    FOR EACH ROW EXECUTE FUNCTION sigverify.add_to_journal();

-- What notes changed records may do more than whoever changes them.
ALTER FUNCTION sigverify.note_record() SECURITY DEFINER;
ALTER FUNCTION sigverify.note_record() SET search_path = sigverify, pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION
    sigverify.note_record(), sigverify.count_up(), sigverify.add_to_journal(), sigverify.owns_log(TEXT)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sigverify.owns_log(TEXT) TO <kiosks>;

-- Head: everybody begins a change by locking it, which needs the right to update some column of it.
GRANT SELECT ON sigverify.version, sigverify.state TO <kiosks>;
GRANT UPDATE (tally) ON sigverify.state TO <kiosks>;
GRANT UPDATE (revision) ON sigverify.state TO <stations>;
GRANT UPDATE (salt, secret) ON sigverify.state TO <administrators>;
ALTER TABLE sigverify.state ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS read ON sigverify.state;
CREATE POLICY read ON sigverify.state FOR SELECT TO <kiosks> USING (TRUE);
DROP POLICY IF EXISTS lock ON sigverify.state;
CREATE POLICY lock ON sigverify.state FOR UPDATE TO <kiosks> USING (TRUE);

-- Marks: everybody reads all, to compare them with the tally, and writes those of rows that they may write.
GRANT SELECT, INSERT, UPDATE (mark), DELETE ON sigverify.seals TO <kiosks>;
ALTER TABLE sigverify.seals ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS read ON sigverify.seals;
CREATE POLICY read ON sigverify.seals FOR SELECT TO <kiosks> USING (TRUE);
DROP POLICY IF EXISTS add ON sigverify.seals;
CREATE POLICY add ON sigverify.seals FOR INSERT TO <kiosks>
    WITH CHECK (part = 'records' AND (kind IN (<shared>) OR sigverify.owns_log(kind)));
DROP POLICY IF EXISTS change ON sigverify.seals;
CREATE POLICY change ON sigverify.seals FOR UPDATE TO <kiosks>
    USING (part = 'records' AND (kind IN (<shared>) OR sigverify.owns_log(kind)));
DROP POLICY IF EXISTS clear ON sigverify.seals;
CREATE POLICY clear ON sigverify.seals FOR DELETE TO <kiosks>
    USING (part = 'records' AND kind IN (<failures>));
DROP POLICY IF EXISTS of_stations ON sigverify.seals;
CREATE POLICY of_stations ON sigverify.seals TO <stations>
    USING (part = 'records' AND kind <> <log> AND NOT pg_catalog.starts_with(kind, <logs>));
DROP POLICY IF EXISTS add_by_stations ON sigverify.seals;
CREATE POLICY add_by_stations ON sigverify.seals FOR INSERT TO <stations>
    WITH CHECK (part = 'people' OR part = 'records' AND kind = <log>);
DROP POLICY IF EXISTS change_by_stations ON sigverify.seals;
CREATE POLICY change_by_stations ON sigverify.seals FOR UPDATE TO <stations>
    USING (part = 'people' OR part = 'records' AND kind = <log>);
DROP POLICY IF EXISTS of_administrators ON sigverify.seals;
CREATE POLICY of_administrators ON sigverify.seals TO <administrators> USING (TRUE);

-- Counters of kiosks' copies: each its own, and upwards alone.
GRANT SELECT, INSERT, UPDATE (number, mac) ON sigverify.counters TO <kiosks>;
ALTER TABLE sigverify.counters ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS own ON sigverify.counters;
CREATE POLICY own ON sigverify.counters TO <kiosks> USING (owner = SESSION_USER);

-- People.
GRANT SELECT ON sigverify.models, sigverify.templates, sigverify.vectors TO <kiosks>;
GRANT INSERT, UPDATE ON sigverify.models, sigverify.templates, sigverify.vectors TO <stations>;
GRANT DELETE ON sigverify.models, sigverify.templates, sigverify.vectors TO <administrators>;

-- Where the server searches by vectors that it can read: the trigger that deletes them runs as the owner.
DO $$
BEGIN
    IF pg_catalog.to_regclass('sigverify.clear_vectors') IS NOT NULL THEN
        GRANT SELECT ON sigverify.clear_vectors TO <kiosks>;
        GRANT INSERT, UPDATE ON sigverify.clear_vectors TO <stations>;
        GRANT DELETE ON sigverify.clear_vectors TO <administrators>;
    END IF;
END $$;

-- Records: a kiosk has those that all kiosks share, and the head of its own log.
GRANT SELECT, INSERT (kind, subject, content), UPDATE (content), DELETE ON sigverify.records TO <kiosks>;
GRANT SELECT ON sigverify.gone TO <kiosks>;
ALTER TABLE sigverify.records ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS read ON sigverify.records;
CREATE POLICY read ON sigverify.records FOR SELECT TO <kiosks>
    USING (kind IN (<followed>) OR sigverify.owns_log(kind));
DROP POLICY IF EXISTS add ON sigverify.records;
CREATE POLICY add ON sigverify.records FOR INSERT TO <kiosks>
    WITH CHECK (kind IN (<shared>) OR sigverify.owns_log(kind));
DROP POLICY IF EXISTS change ON sigverify.records;
CREATE POLICY change ON sigverify.records FOR UPDATE TO <kiosks>
    USING (kind IN (<shared>) OR sigverify.owns_log(kind));
DROP POLICY IF EXISTS clear ON sigverify.records;
CREATE POLICY clear ON sigverify.records FOR DELETE TO <kiosks> USING (kind IN (<failures>));
DROP POLICY IF EXISTS of_stations ON sigverify.records;
CREATE POLICY of_stations ON sigverify.records TO <stations>
    USING (kind <> <log> AND NOT pg_catalog.starts_with(kind, <logs>));
DROP POLICY IF EXISTS read_head ON sigverify.records;
CREATE POLICY read_head ON sigverify.records FOR SELECT TO <stations> USING (kind = <log>);
DROP POLICY IF EXISTS add_head ON sigverify.records;
CREATE POLICY add_head ON sigverify.records FOR INSERT TO <stations> WITH CHECK (kind = <log>);
DROP POLICY IF EXISTS change_head ON sigverify.records;
CREATE POLICY change_head ON sigverify.records FOR UPDATE TO <stations> USING (kind = <log>);
DROP POLICY IF EXISTS of_administrators ON sigverify.records;
CREATE POLICY of_administrators ON sigverify.records TO <administrators> USING (TRUE);

-- Journals: nobody here deletes or exchanges an entry; a rekey seals them anew.
GRANT SELECT, INSERT ON sigverify.journals TO <kiosks>;
GRANT UPDATE (content) ON sigverify.journals TO <administrators>;
ALTER TABLE sigverify.journals ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS read ON sigverify.journals;
CREATE POLICY read ON sigverify.journals FOR SELECT TO <kiosks> USING (sigverify.owns_log(kind));
DROP POLICY IF EXISTS add ON sigverify.journals;
CREATE POLICY add ON sigverify.journals FOR INSERT TO <kiosks>
    WITH CHECK (pg_catalog.starts_with(kind, <logs>));
DROP POLICY IF EXISTS read_fleets ON sigverify.journals;
CREATE POLICY read_fleets ON sigverify.journals FOR SELECT TO <stations> USING (kind = <log>);
DROP POLICY IF EXISTS add_fleets ON sigverify.journals;
CREATE POLICY add_fleets ON sigverify.journals FOR INSERT TO <stations> WITH CHECK (kind = <log>);
DROP POLICY IF EXISTS of_administrators ON sigverify.journals;
CREATE POLICY of_administrators ON sigverify.journals TO <administrators> USING (TRUE);
""".lstrip()
