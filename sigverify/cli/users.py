"""`sigverify users`, `sigverify forget` and `sigverify unlock`."""

from typing import Annotated

import typer

from sigverify.cli.options import JsonOption, KeyOption, StoreOption, UserOption


def users(store: StoreOption, *, key: KeyOption = None, as_json: JsonOption = False) -> None:
    """List the enrolled people."""
    from sigverify.cli.opening import open_store
    from sigverify.cli.output import report, visible

    with open_store(store, key=key) as opened:
        ids = opened.users()
    lines = "\n".join(map(visible, ids)) or "Nobody is enrolled."
    report({"user_ids": list(ids)}, as_json=as_json, render=lambda: lines)


def forget(
    store: StoreOption, user: UserOption, *, key: KeyOption = None, as_json: JsonOption = False
) -> None:
    """Delete a person's references for good: they are overwritten on the disk."""
    from sigverify.administration import forget as delete
    from sigverify.cli.opening import open_store
    from sigverify.cli.output import report, visible

    with open_store(store, key=key) as opened:
        delete(opened, user)
    report({"forgotten": user}, as_json=as_json, render=lambda: f"Forgot {visible(user)}.")


def unlock(
    store: StoreOption,
    user: Annotated[
        str, typer.Option("--user", "-u", help="Who may try again; without, everybody on this device.")
    ] = "",
    *,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the wait that failed tries brought about."""
    from sigverify.administration import unlock as end_wait
    from sigverify.cli.opening import open_store, refuse_server
    from sigverify.cli.output import report, visible

    if not user:  # of a fleet, this device's own count lies in its cache, which is a file
        refuse_server(store)
    with open_store(store, key=key) as opened:
        end_wait(opened, user)
    who = visible(user) if user else "the device"
    report({"unlocked": user or None}, as_json=as_json, render=lambda: f"Unlocked {who}.")
