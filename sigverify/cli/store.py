"""`sigverify store`: keep a store sound: keys, backups, checks, single templates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import (
    CounterOption,
    JsonOption,
    KeyOption,
    StationKeyOption,
    StationsOption,
    StoreOption,
    UserOption,
)

if TYPE_CHECKING:
    from rich.text import Text

    from sigverify.store.check import Health

store = typer.Typer(name="store", help="Check, rekey, back up and restore a store.", no_args_is_help=True)

TransportOption = Annotated[
    str,
    typer.Option(
        "--transport-key", metavar="FILE|env:NAME|fd:N", help="The key that both devices know for this."
    ),
]


@store.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="KEY_FILE", help="A new file; only you may read it.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Make a key, for a store or for carrying a template. Lose it, and what it sealed is lost."""
    from sigverify.cli.output import report, visible
    from sigverify.errors import KeyUnavailable
    from sigverify.protection.keys import Key

    try:
        Key.generate().to_file(file)
    except FileExistsError as error:
        raise KeyUnavailable(f"{file} is there already", expected="a new file") from error
    report({"key_file": str(file)}, as_json=as_json, render=lambda: f"Made a key in {visible(file)}.")


@store.command()
def check(
    store: StoreOption,
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild what can be, delete the rest; those people enroll anew.")
    ] = False,
    stations: StationsOption = None,
    accept_state: Annotated[
        bool,
        typer.Option(
            "--accept-state",
            help="With --repair: take what is there, where rows were removed or put back without the key, or "
            "the whole store is an older copy.",
        ),
    ] = False,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every row and list the damaged ones. Exit code 0: sound, 4: not."""
    from sigverify.audit import AuditLog, Event
    from sigverify.cli.opening import open_store, read_stations
    from sigverify.cli.output import Exit, report
    from sigverify.errors import ConfigError
    from sigverify.store import check as checking
    from sigverify.store.trusted import with_untrusted

    trusted = read_stations(stations, None)

    if accept_state and not repair:
        raise ConfigError("--accept-state repairs", expected="--repair --accept-state")
    with open_store(store, key=key, counter=counter, read_only=not repair, compare=False) as opened:
        if repair:
            with opened.transaction() as records:
                found = len(checking.check(opened).findings)
                checking.repair(opened, accept=accept_state)
                event = Event.STATE_ACCEPTED if accept_state else Event.REPAIRED
                AuditLog(opened).append(records, event, findings=found)
        health = checking.check(opened)
        if trusted is not None:
            health = with_untrusted(health, opened, trusted)
    report(health.to_dict(), as_json=as_json, render=lambda: _words(health))
    if not health:
        raise typer.Exit(Exit.ERROR)


@store.command()
def rekey(
    store: StoreOption,
    *,
    new_key: Annotated[
        str | None,
        typer.Option(
            "--new-key",
            metavar="FILE|env:NAME|fd:N",
            help="The key from now on; without, the old key stays and only what is derived from it changes.",
        ),
    ] = None,
    stations: StationsOption = None,
    station_key: StationKeyOption = None,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Seal everything anew and turn every template, so that what leaked before is of no use.

    Exit code 4: done, but what was sealed before is not overwritten yet.
    """
    from sigverify.audit import AuditLog, Event
    from sigverify.cli.opening import open_store, read_key, read_stations
    from sigverify.cli.output import Exit, report
    from sigverify.fleet.cache import is_copy
    from sigverify.fleet.kiosk_keys import rewrap
    from sigverify.store import Erasure
    from sigverify.store import rekey as rekeying
    from sigverify.words import preferred_language, sentence

    trusted = read_stations(stations, station_key)

    with open_store(store, key=key, counter=counter) as opened:
        with opened.transaction() as records:
            AuditLog(opened).append(records, Event.REKEYED, new_key=new_key is not None)
            fresh = read_key(new_key)
            count = rekeying.rekey(opened, fresh, stations=trusted, is_copy=is_copy(opened))
            kiosks = 0 if fresh is None else rewrap(opened, fresh)
        erasure = opened.erasure()
    content = {"templates": count, "new_key": new_key is not None, "erasure": erasure.value}
    words = f"Sealed {count} templates anew"
    if kiosks:
        content["kiosks"] = kiosks
        words += f", and wrapped the key for {kiosks} kiosks"
    if not erasure:
        words += f"; as they were before they are {sentence(erasure, language=preferred_language())}"
    report(content, as_json=as_json, render=lambda: f"{words}.")
    if erasure is Erasure.PENDING:
        raise typer.Exit(Exit.ERROR)


@store.command()
def backup(
    store: StoreOption,
    file: Annotated[Path, typer.Argument(metavar="BACKUP_FILE", help="A new file.")],
    *,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the store while it is in use, and check the copy. It is sealed with the same key.

    The store's audit log tells of it, unless you may not write there.
    """
    from sigverify.audit import AuditLog, Event
    from sigverify.cli.opening import open_file
    from sigverify.cli.output import Exit, report, visible
    from sigverify.store import backup as backups
    from sigverify.store.sqlite_database import may_write

    # Who may read a store may copy its file anyway: that its log is told is no condition.
    noted = may_write(store)
    with open_file(store, key=key, counter=counter, read_only=not noted) as opened:
        if noted:
            with opened.transaction() as records:
                AuditLog(opened).append(records, Event.BACKED_UP)
        health = backups.backup(opened, file)
    left_out = (
        "" if noted else "\nThe store cannot be written to: its audit log does not tell of this backup."
    )
    report(
        health.to_dict() | {"noted": noted},
        as_json=as_json,
        render=lambda: _words(health, f"Wrote {visible(file)}: ").append(left_out),
    )
    if not health:
        raise typer.Exit(Exit.ERROR)


@store.command()
def restore(
    store: StoreOption,
    file: Annotated[Path, typer.Argument(metavar="BACKUP_FILE", exists=True, dir_okay=False)],
    *,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the store's place; --key is the backup's. What happened since is lost."""
    from sigverify.audit import AuditLog, Event
    from sigverify.cli.opening import read_key, refuse_server
    from sigverify.cli.output import report
    from sigverify.store import SqliteStore
    from sigverify.store import backup as backups
    from sigverify.store.counter import find_counter

    refuse_server(store)
    given = read_key(key)
    count = backups.restore(file, store, key=given, counter=find_counter(counter, store))
    with (
        SqliteStore(store, key=given, create=False, counter=find_counter(counter, store)) as opened,
        opened.transaction() as records,
    ):
        AuditLog(opened).append(records, Event.RESTORED, templates=count)
    report({"templates": count}, as_json=as_json, render=lambda: f"Restored {count} templates.")


@store.command(name="export")
def export_(
    store: StoreOption,
    user: UserOption,
    file: Annotated[
        Path, typer.Argument(metavar="TEMPLATE_FILE", help="Where to; an older export is replaced.")
    ],
    transport_key: TransportOption,
    *,
    modality: Annotated[
        str | None,
        typer.Option("--modality", metavar="NAME", help="Of somebody enrolled by several: which template."),
    ] = None,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one person's template, sealed for another device."""
    from sigverify.audit import AuditLog, Event
    from sigverify.cli.checks import check_output
    from sigverify.cli.opening import open_store
    from sigverify.cli.output import report, visible
    from sigverify.errors import ConfigError
    from sigverify.protection.keys import Key
    from sigverify.protection.private_file import write_private
    from sigverify.store.transfer import MAGIC, export_template

    check_output(file, "an exported template", [MAGIC])
    with open_store(store, key=key, counter=counter) as opened, opened.transaction() as records:
        enrolled = opened.modalities(user)
        if modality is None and len(enrolled) > 1:
            raise ConfigError(
                f"{user!r} is enrolled by several modalities", expected="--modality " + " or ".join(enrolled)
            )
        data = export_template(opened, user, modality or enrolled[0], Key.from_source(transport_key))
        AuditLog(opened).append(records, Event.EXPORTED, user)
        write_private(file, data)
    content = {"user_id": user, "bytes": len(data)}
    report(content, as_json=as_json, render=lambda: f"Wrote {visible(user)} to {visible(file)}.")


@store.command(name="import")
def import_(
    store: StoreOption,
    file: Annotated[Path, typer.Argument(metavar="TEMPLATE_FILE", exists=True, dir_okay=False)],
    transport_key: TransportOption,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier enrollment.")] = False,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enroll one person by what another device exported; the store is made where there is none."""
    from sigverify.audit import AuditLog, Event
    from sigverify.cli.opening import read_key, refuse_server
    from sigverify.cli.output import report, visible
    from sigverify.policy.adaptation import kinds
    from sigverify.protection.keys import Key
    from sigverify.store import MEMORY, SqliteStore
    from sigverify.store.counter import find_counter
    from sigverify.store.transfer import import_template

    refuse_server(store)
    data = file.read_bytes()
    outside = find_counter(counter, store)
    own, transport = read_key(key), Key.from_source(transport_key)
    if not Path(store).exists():  # what is refused leaves no store behind
        with SqliteStore(MEMORY) as tried:
            import_template(tried, data, transport)
    with SqliteStore(store, key=own, counter=outside) as opened, opened.transaction() as records:
        template = import_template(opened, data, transport, replace=replace)
        for kind in kinds(template.modality):  # notes on the references that these replace
            records.delete(kind, template.user_id)
        AuditLog(opened).append(records, Event.IMPORTED, template.user_id, references=len(template))
    content = {"user_id": template.user_id, "references": len(template), "model_id": template.model_id}
    words = f"Enrolled {visible(template.user_id)} from {visible(file)}."
    report(content, as_json=as_json, render=lambda: words)


def _words(health: "Health", before: str = "") -> "Text":
    from sigverify.cli.output import styled, visible
    from sigverify.words import preferred_language, sentence

    counts = f"{health.templates} templates, {health.records} records, {health.entries} journal entries"
    if health:
        return styled(before, ("sound", "bold green"), f": {counts}")
    language = preferred_language()
    lines = []
    for each in health.findings:
        modality = each.modality and f"({each.modality})"
        place = " ".join(filter(None, (each.part.value, each.row, modality)))
        said = ": ".join(filter(None, (sentence(each.damage, language=language), each.detail)))
        lines.append(f"{place}: {said}")
    found = "\n".join([f": {counts} could be read", *map(visible, lines)])
    return styled(before, ("not sound", "bold red"), found)
