"""Groups of people ("staff", "members"), kept in the store beside the templates and deleted with them.

Of each user there is one record: the sorted list of their groups. Changing it counts as a change of that
user, so that every process that searches hears of it.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from sigverify.audit import AuditLog, Event
from sigverify.errors import ConfigError
from sigverify.store import Store

KIND: Final = "groups"
MAX_GROUP: Final = 64
"""Characters of a group's name."""
MAX_GROUPS: Final = 64
"""Groups that one person may be in."""


def check_group(group: str) -> str:
    """Return the name of a group in its composed form (NFC); refuse what cannot name one.

    Raises:
        ConfigError: not text of 1 to `MAX_GROUP` printable characters.
    """
    wanted = f"1 to {MAX_GROUP} printable characters"
    if not isinstance(group, str):
        raise ConfigError("this cannot name a group", expected=wanted, received=type(group).__name__)
    group = unicodedata.normalize("NFC", group)
    if not 1 <= len(group) <= MAX_GROUP or not group.isprintable():
        raise ConfigError("this cannot name a group", expected=wanted, received=f"{len(group)} characters")
    return group


def check_groups(groups: Iterable[str]) -> tuple[str, ...]:
    """Return the names of groups that one person may be in, each once.

    Raises:
        ConfigError: one cannot name a group, or they are too many.
    """
    checked = tuple(dict.fromkeys(map(check_group, groups)))
    if len(checked) > MAX_GROUPS:
        raise ConfigError("too many groups", expected=f"at most {MAX_GROUPS}", received=str(len(checked)))
    return checked


def groups_of(store: Store, user_id: str) -> tuple[str, ...]:
    """Return the groups that a user is in, sorted.

    Raises:
        UnknownUser: nobody of that id is enrolled.
    """
    content = store.read_record(KIND, user_id)
    if content is None:
        store.modalities(user_id)  # raises for who is unknown
    return read_groups(content)


def check_members(store: Store, group: str) -> None:
    """Refuse a group that nobody is in: its name is mistyped, most likely, and a search never finds anybody.

    It reads all groups, so ask where a search found nobody.

    Raises:
        ConfigError: so it is.
    """
    group = check_group(group)
    if not any(group in read_groups(content) for content in store.records(KIND).values()):
        raise ConfigError(
            f"nobody is in the group {group!r}",
            expected="a group that somebody joined",
            hint="See in which groups a person is: sigverify groups show",
        )


def join_group(store: Store, user_id: str, group: str) -> None:
    """Put a user into a group; being in it already is fine.

    Raises:
        UnknownUser: nobody of that id is enrolled.
        ConfigError: no name for a group, or the user is in `MAX_GROUPS` already.
    """
    group = check_group(group)
    _change(store, user_id, lambda groups: groups | {group})


def leave_group(store: Store, user_id: str, group: str) -> None:
    """Take a user out of a group; not being in it is fine.

    Raises:
        UnknownUser: nobody of that id is enrolled.
        ConfigError: no name for a group.
    """
    group = check_group(group)
    _change(store, user_id, lambda groups: groups - {group})


def read_groups(content: bytes | None) -> tuple[str, ...]:
    """Read a record of kind `KIND`."""
    names = () if content is None else json.loads(content)
    return tuple(sorted({unicodedata.normalize("NFC", name) for name in names}))


def _change(store: Store, user_id: str, change: Callable[[frozenset[str]], frozenset[str]]) -> None:
    with store.transaction() as records:
        before = frozenset(read_groups(records.get(KIND, user_id)))
        after = change(before)
        if len(after) > MAX_GROUPS:
            raise ConfigError("too many groups", expected=f"at most {MAX_GROUPS}", received=str(len(after)))
        store.touch(user_id)
        if after:
            records.put(KIND, user_id, json.dumps(sorted(after)).encode())
        else:
            records.delete(KIND, user_id)
        log = AuditLog(store)
        for event, groups in ((Event.JOINED, after - before), (Event.LEFT, before - after)):
            for group in sorted(groups):
                log.append(records, event, user_id, group=group)
