"""`rekey`: seal a whole store anew, and turn its templates by another renewal."""

import contextlib
from dataclasses import replace

from sigverify.errors import MalformedTemplate
from sigverify.protection.keys import Key
from sigverify.protection.renewal import Renewal
from sigverify.store.database import Database
from sigverify.store.rows import Rows
from sigverify.store.sealed import SealedStore, write_template
from sigverify.template import Template, stored


def rekey(store: SealedStore, key: Key | None = None) -> int:
    """Seal every row with `key` under a new salt, turn every template anew, and return how many there are.

    One transaction: a crash leaves the store as it was, under its old key. Other processes that have it open
    go on if they have the same key, and get `WrongKey` otherwise. Each rekey rounds the vectors to float16
    once more: distances move by a few 10⁻⁴.

    Args:
        store: an open store.
        key: the new key; None keeps the key, and changes only what is derived from it: an answer to templates
            that leaked decrypted, not to a leaked key.

    Raises:
        DamagedStore: a row does not open; `check` names it. Nothing is changed.
        StoreError: the store cannot be written.
    """
    key = key or store.key
    with store.changing() as old:
        salt, secret = old.again(key)
        new = Rows(key, salt, secret)
        count = _templates(store.database, old, new)
        reseal_records(store.database, old, new)
        reseal_journals(store.database, old, new)
        store.database.execute(
            "UPDATE state SET revision = revision + 1, salt = ?, secret = ?", (salt, secret)
        )
        store.database.scrub()
        store.also_try(key)
    return count


def change_renewal(template: Template, before: Renewal | None, after: Renewal | None) -> Template:
    """Return a template turned from one renewal to another; None is the model's own coordinates."""
    references = template.references
    if before:
        references = before.restore(references)
    if after:
        references = after.turn(references)
    return replace(template, references=stored(references))


def _templates(database: Database, old: Rows, new: Rows) -> int:
    places = database.execute(
        "SELECT subject, modality, model_id FROM templates LEFT JOIN models USING (modality)"
    ).fetchall()
    # One at a time: all templates of a large store would not fit the memory of a small board.
    for user, modality, model_id in places:
        place = (user, modality)
        (content,) = database.execute(
            "SELECT content FROM templates WHERE subject = ? AND modality = ?", place
        ).fetchone()
        template = old.open_template(user, modality, model_id or "", content)
        # Under the new salt the user is found by another digest, so the old rows do not get overwritten.
        for table in ("templates", "vectors"):
            database.execute(f"DELETE FROM {table} WHERE subject = ? AND modality = ?", place)  # noqa: S608, names of ours
        write_template(database, new, change_renewal(template, old.renewal, new.renewal))
    return len(places)


def reseal_records(database: Database, old: Rows, new: Rows) -> None:
    """Seal every record anew, within a transaction."""
    for kind, subject in database.execute("SELECT kind, subject FROM records").fetchall():
        place = (kind, subject)
        (sealed,) = database.execute(
            "SELECT content FROM records WHERE kind = ? AND subject = ?", place
        ).fetchone()
        name, content = old.open_record(kind, subject, sealed)
        row = (kind, new.subject(kind, name), new.seal_record(kind, name, _turn_record(content, old, new)))
        database.execute("DELETE FROM records WHERE kind = ? AND subject = ?", place)
        database.execute("INSERT INTO records (kind, subject, content) VALUES (?, ?, ?)", row)


def _turn_record(content: bytes, old: Rows, new: Rows) -> bytes:
    """A record may be an earlier template, kept for undoing: it is turned as the others are."""
    with contextlib.suppress(MalformedTemplate):
        return change_renewal(Template.from_bytes(content), old.renewal, new.renewal).to_bytes()
    return content


def reseal_journals(database: Database, old: Rows, new: Rows) -> None:
    """Seal every entry of every journal anew, within a transaction."""
    for kind, number in database.execute("SELECT kind, number FROM journals").fetchall():
        (sealed,) = database.execute(
            "SELECT content FROM journals WHERE kind = ? AND number = ?", (kind, number)
        ).fetchone()
        content = new.seal_entry(kind, number, old.open_entry(kind, number, sealed))
        database.execute(
            "UPDATE journals SET content = ? WHERE kind = ? AND number = ?", (content, kind, number)
        )
