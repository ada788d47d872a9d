"""`sigverify groups`: whom `identify --among` searches."""

from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import CounterOption, JsonOption, KeyOption, StoreOption, UserOption

if TYPE_CHECKING:
    from sigverify.store import Store

groups = typer.Typer(
    name="groups", help="Put people into groups that identify can search.", no_args_is_help=True
)

GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Any name: staff, members, …")]


@groups.command()
def join(
    store: StoreOption,
    user: UserOption,
    group: GroupArgument,
    *,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a person into a group."""
    from sigverify.cli.opening import open_store
    from sigverify.search.groups import join_group

    with open_store(store, key=key, counter=counter) as opened:
        join_group(opened, user, group)
        _show(opened, user, as_json=as_json)


@groups.command()
def leave(
    store: StoreOption,
    user: UserOption,
    group: GroupArgument,
    *,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a person out of a group."""
    from sigverify.cli.opening import open_store
    from sigverify.search.groups import leave_group

    with open_store(store, key=key, counter=counter) as opened:
        leave_group(opened, user, group)
        _show(opened, user, as_json=as_json)


@groups.command()
def show(
    store: StoreOption,
    user: UserOption,
    *,
    key: KeyOption = None,
    counter: CounterOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the groups that a person is in."""
    from sigverify.cli.opening import open_store

    with open_store(store, key=key, counter=counter, read_only=True) as opened:
        _show(opened, user, as_json=as_json)


def _show(store: "Store", user: str, *, as_json: bool) -> None:
    from sigverify.cli.output import report, visible
    from sigverify.search.groups import groups_of

    joined = groups_of(store, user)
    name, names = visible(user), ", ".join(map(visible, joined))
    words = f"{name}: {names}" if joined else f"{name} is in no group."
    report({"user_id": user, "groups": list(joined)}, as_json=as_json, render=lambda: words)
