"""`sigverify users`, `sigverify forget` and `sigverify unlock`."""

from typing import Annotated

import typer

from sigverify.cli.options import CounterOption, JsonOption, KeyOption, StoreOption, UserOption


def users(
    store: StoreOption, *, key: KeyOption = None, counter: CounterOption = None, as_json: JsonOption = False
) -> None:
    """List the enrolled people."""
    from sigverify.cli.opening import open_store
    from sigverify.cli.output import report, visible

    with open_store(store, key=key, counter=counter, read_only=True) as opened:
        ids = opened.users()
    lines = "\n".join(map(visible, ids)) or "Nobody is enrolled."
    report({"user_ids": list(ids)}, as_json=as_json, render=lambda: lines)


def forget(
    store: StoreOption,
    user: UserOption,
    *,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a person's references for good: they are overwritten on the disk.

    Exit code 0: they are; of a server's store its VACUUM does. 4: forgotten, but not overwritten yet.
    """
    from sigverify.administration import forget as delete
    from sigverify.cli.opening import open_store
    from sigverify.cli.output import Exit, report, visible
    from sigverify.store import Erasure
    from sigverify.words import preferred_language, sentence

    with open_store(store, key=key, counter=counter) as opened:
        erasure = delete(opened, user)
    words = f"Forgot {visible(user)}"
    if not erasure:
        words += f"; the references are {sentence(erasure, language=preferred_language())}"
    content = {"forgotten": user, "erasure": erasure.value}
    report(content, as_json=as_json, render=lambda: f"{words}.")
    if erasure is Erasure.PENDING:
        raise typer.Exit(Exit.ERROR)


def unlock(
    store: StoreOption,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", help="Who may try again; without, everybody on this device."),
    ] = None,
    *,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the wait that failed tries brought about."""
    from sigverify.administration import unlock as end_wait
    from sigverify.cli.opening import open_store, refuse_server
    from sigverify.cli.output import report, visible
    from sigverify.errors import ConfigError

    if user == "":  # an empty variable of a script is no wish to unlock the device
        raise ConfigError("no user named", expected="--user with a name, or none for the device")
    if user is None:  # of a fleet, this device's own count lies in its cache, which is a file
        refuse_server(store)
    with open_store(store, key=key, counter=counter) as opened:
        end_wait(opened, user or "")
    who = "the device" if user is None else visible(user)
    report({"unlocked": user}, as_json=as_json, render=lambda: f"Unlocked {who}.")
