"""`rekey`: seal a whole store anew, and turn its templates by another renewal."""

import contextlib
import logging
from dataclasses import replace

from sigverify.errors import ConfigError, MalformedTemplate
from sigverify.protection.keys import Key
from sigverify.protection.renewal import Renewal
from sigverify.protection.stations import Stations
from sigverify.store.database import Database
from sigverify.store.ledger import Ledger
from sigverify.store.rows import Rows
from sigverify.store.sealed import SealedStore, write_template
from sigverify.store.tally import check_newest, marks_of
from sigverify.template import Template, stored

_log = logging.getLogger(__name__)


def rekey(
    store: SealedStore,
    key: Key | None = None,
    *,
    stations: Stations | None = None,
    is_copy: bool = False,
) -> int:
    """Seal every row with `key` under a new salt, turn every template anew, and return how many there are.

    One transaction: a crash leaves the store as it was, under its old key. Other processes that have it open
    go on if they have the same key, and get `WrongKey` otherwise. Each rekey rounds the vectors to float16
    once more: distances move by a few 10⁻⁴.

    Args:
        store: an open store.
        key: the new key; None keeps the key, and changes only what is derived from it: an answer to templates
            that leaked decrypted, not to a leaked key.
        stations: where stations signed templates, with the key of one: what it trusts is signed anew, and
            all else stands without a signature from then on.
        is_copy: it is a kiosk's copy of a fleet's store, which reads all templates anew: signatures go.

    Raises:
        ConfigError: templates are signed, and neither is given.
        DamagedStore: a row does not open; `check` names it. Nothing is changed.
        StoreError: the store cannot be written.
    """
    key = key or store.key
    with store.changing() as old:
        salt, secret = old.again(key)
        new = Rows(key, salt, secret)
        count = _templates(store, old, new, stations, is_copy=is_copy)
        reseal_records(store.database, store.ledger, old, new)
        reseal_journals(store.database, store.ledger, old, new)
        store.ledger.delete_strays()
        store.also_try(key)
        store.ledger.rewrite_head(salt, secret)
        store.database.scrub()
    return count


def change_renewal(template: Template, before: Renewal | None, after: Renewal | None) -> Template:
    """Return a template turned from one renewal to another; None is the model's own coordinates."""
    references = template.references
    if before:
        references = before.restore(references)
    if after:
        references = after.turn(references)
    return replace(template, references=stored(references))


def _templates(store: SealedStore, old: Rows, new: Rows, stations: Stations | None, *, is_copy: bool) -> int:
    database = store.database
    places = database.execute(
        "SELECT subject, kind, mark, model_id FROM seals LEFT JOIN models ON kind = modality "
        "WHERE part = 'people'"
    ).fetchall()
    # One at a time: all templates of a large store would not fit the memory of a small board.
    for user, modality, mark, model_id in places:
        row = database.execute(
            "SELECT content FROM templates WHERE subject = ? AND modality = ?", (user, modality)
        ).fetchone()
        content = check_newest(row and row[0], marks_of(mark)[0], "template")
        template = old.open_template(user, modality, model_id or "", content)
        # Under the new salt the user is found by another digest, so the old rows do not get overwritten.
        store.ledger.delete_person(user, modality)
        turned = change_renewal(template, old.renewal, new.renewal)
        turned = replace(turned, signature=b"") if is_copy else _signed_anew(template, turned, stations)
        write_template(store.ledger, new, turned)
    return len(places)


def _signed_anew(before: Template, after: Template, stations: Stations | None) -> Template:
    """Return a template that was turned, signed where it was before: that signature was of the other one."""
    if not before.signature:
        return after
    if stations is None:
        raise ConfigError(
            "stations signed these templates, and a rekey turns them",
            expected="the list of stations, and the key of one to sign them anew",
            hint="Rekey with --stations and --station-key",
        )
    if not stations.trusts(before):
        _log.warning("a template that no trusted station signed stands without a signature from now on")
        return replace(after, signature=b"")
    return stations.sign(after)


def reseal_records(database: Database, ledger: Ledger, old: Rows, new: Rows) -> None:
    """Seal every record anew, within a transaction."""
    places = database.execute("SELECT kind, subject, mark FROM seals WHERE part = 'records'").fetchall()
    for kind, subject, mark in places:
        row = database.execute(
            "SELECT content FROM records WHERE kind = ? AND subject = ?", (kind, subject)
        ).fetchone()
        sealed = check_newest(row and row[0], mark, "record")
        name, content = old.open_record(kind, subject, sealed)
        ledger.delete_record(kind, subject)
        anew = new.seal_record(kind, name, _turn_record(content, old, new))
        ledger.put_record(kind, new.subject(kind, name), anew)


def _turn_record(content: bytes, old: Rows, new: Rows) -> bytes:
    """A record may be an earlier template, kept for undoing: it is turned as the others are."""
    with contextlib.suppress(MalformedTemplate):
        return change_renewal(Template.from_bytes(content), old.renewal, new.renewal).to_bytes()
    return content


def reseal_journals(database: Database, ledger: Ledger, old: Rows, new: Rows) -> None:
    """Seal every entry of every journal anew, within a transaction."""
    for kind, number in database.execute("SELECT kind, number FROM journals").fetchall():
        (sealed,) = database.execute(
            "SELECT content FROM journals WHERE kind = ? AND number = ?", (kind, number)
        ).fetchone()
        content = new.seal_entry(kind, number, old.open_entry(kind, number, sealed))
        ledger.replace_entry(kind, number, content)
