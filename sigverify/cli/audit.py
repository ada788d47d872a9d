"""`sigverify audit`: read and check the audit log of a store."""

from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import JsonOption, KeyOption, StoreOption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from sigverify.audit import AuditLog, AuditReport, Entry
    from sigverify.store.sealed import SealedStore

KioskOption = Annotated[
    str | None,
    typer.Option("--kiosk", metavar="NAME", help="The log that this kiosk of a fleet shipped."),
]

audit = typer.Typer(name="audit", help="Read and check the audit log of a store.", no_args_is_help=True)


@audit.command()
def verify(
    store: StoreOption,
    *,
    anchor: Annotated[
        str | None,
        typer.Option(
            "--anchor", metavar="NUMBER:DIGEST", help="What an earlier check printed: it must be in the log."
        ),
    ] = None,
    kiosk: KioskOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nothing in the log was altered, removed or moved. Exit code 0: intact, 4: not.

    Keep the anchor it prints somewhere else: only that shows an older copy of the whole file put back.
    """
    from sigverify.audit import Anchor
    from sigverify.cli.opening import open_store
    from sigverify.cli.output import Exit, report

    expected = None if anchor is None else Anchor.parse(anchor)
    with open_store(store, key=key, read_only=True, compare=False) as opened:
        found = _log(opened, kiosk).verify(expected)
    report(found.to_dict(), as_json=as_json, render=lambda: _render(found))
    if not found:
        raise typer.Exit(Exit.ERROR)


@audit.command()
def show(
    store: StoreOption,
    *,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Only this person's entries.")] = None,
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries with a higher number.")] = 0,
    last: Annotated[
        int | None, typer.Option("--last", "-n", min=1, help="Only so many, the newest of them.")
    ] = None,
    kiosk: KioskOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was done, oldest first. The forgotten appear by a pseudonym only."""
    from collections import deque

    from sigverify.cli.opening import open_store
    from sigverify.cli.output import report

    with open_store(store, key=key, read_only=True, compare=False) as opened:
        log = _log(opened, kiosk)
        names = log.names()
        if user is not None:
            names[log.pseudonym(user)] = user
        entries = deque(log.entries(after=after, user_id=user), maxlen=last)
    content = {"entries": [entry.to_dict() | {"user_id": names.get(entry.who)} for entry in entries]}
    report(content, as_json=as_json, render=lambda: _table(list(entries), names))


def _log(store: "SealedStore", kiosk: str | None) -> "AuditLog":
    if kiosk is None:
        from sigverify.audit import AuditLog

        return AuditLog(store)
    from sigverify.fleet.shipped import shipped_log

    return shipped_log(store, kiosk)


def _render(found: "AuditReport") -> "RenderableType":
    from sigverify.cli.output import styled, visible
    from sigverify.words import preferred_language

    if found:
        anchor = f": {found.entries} entries\nanchor: {found.anchor or '(an empty log)'}"
        return styled(("intact", "bold green"), anchor)
    language = preferred_language()
    findings = [visible(finding.sentence(language=language)) for finding in found.findings]
    first = f": {found.entries} entries could be read"
    return styled(("not intact", "bold red"), "\n".join([first, *findings]))


def _table(entries: "list[Entry]", names: "Mapping[str, str]") -> "RenderableType":
    from rich.table import Table

    from sigverify.cli.output import visible
    from sigverify.words import preferred_language, sentence

    if not entries:
        return "No entries."
    language = preferred_language()
    grid = Table(box=None, padding=(0, 1))
    for name in ("number", "time", "event", "who", "actor", "detail"):
        grid.add_column(name, no_wrap=True)
    for entry in entries:
        detail = ", ".join(f"{name}={value}" for name, value in entry.detail.items())
        who = names.get(entry.who) or entry.who[:12]
        time, event = entry.time.isoformat(timespec="milliseconds"), sentence(entry.event, language=language)
        actor = "" if entry.actor is None else str(entry.actor)
        grid.add_row(str(entry.number), time, event, visible(who), visible(actor), visible(detail))
    return grid
