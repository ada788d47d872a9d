"""`sigverify users` and `sigverify forget`."""

from sigverify.cli.options import JsonOption, StoreOption, UserOption


def users(store: StoreOption, *, as_json: JsonOption = False) -> None:
    """List the enrolled people."""
    from sigverify.cli.output import report
    from sigverify.store import SqliteStore

    with SqliteStore(store, create=False) as opened:
        ids = opened.users()
    report({"users": list(ids)}, as_json=as_json, render=lambda: "\n".join(ids) or "Nobody is enrolled.")


def forget(store: StoreOption, user: UserOption, *, as_json: JsonOption = False) -> None:
    """Delete a person's references for good: they are overwritten on the disk."""
    from sigverify.cli.output import report
    from sigverify.store import SqliteStore

    with SqliteStore(store, create=False) as opened:
        opened.delete(user)
    report({"forgotten": user}, as_json=as_json, render=lambda: f"Forgot {user}.")
