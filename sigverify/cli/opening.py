"""`open_verifier`, `open_store`, `make_policy`: what most commands begin with."""

from pathlib import Path
from typing import TYPE_CHECKING

from sigverify.cli.quiet import quiet

if TYPE_CHECKING:
    from sigverify.policy import Policy
    from sigverify.protection.keys import Key
    from sigverify.store import SqliteStore
    from sigverify.store.sealed import SealedStore
    from sigverify.verifier import Verifier


def open_verifier(
    store: str | Path,
    *,
    model: str,
    image_model: str,
    runtime: str,
    threads: int,
    create: bool = False,
    key: str | None = None,
    policy: "Policy | None" = None,
    trust: "list[Path] | None" = None,
    cache: Path | None = None,
) -> "Verifier":
    """Open a verifier without what its libraries log while they load; see `Verifier.open`."""
    from sigverify.protection.signing import Trust
    from sigverify.verifier import Verifier

    with quiet():
        return Verifier.open(
            store,
            model=model,
            image_model=chosen_image_model(image_model),
            runtime=runtime,
            threads=threads,
            create=create,
            key=read_key(key),
            policy=policy,
            trust=Trust.from_files(trust) if trust else None,
            cache=cache,
        )


def chosen_image_model(name: str) -> str | None:
    """Return the model of pictures that an option names; None: none.

    >>> chosen_image_model("none"), chosen_image_model("base-image")
    (None, 'base-image')
    """
    return None if name == "none" else name


def make_policy(*, untrusted: bool, replay_check: bool, lockout: bool) -> "Policy":
    """Return the policy that options ask for."""
    from dataclasses import replace

    from sigverify.policy import Policy

    policy = replace(Policy.kiosk() if untrusted else Policy(), replay=replay_check)
    return policy if lockout else replace(policy, per_user=None, per_device=None)


def open_store(store: str | Path, *, key: str | None, read_only: bool = False) -> "SealedStore":
    """Open a store that is there, in a file or on a server; see `SqliteStore` and `PostgresStore`."""
    from sigverify.store import is_server

    if not is_server(store):
        return open_file(store, key=key, read_only=read_only)
    from sigverify.store.postgres import PostgresStore

    return PostgresStore(str(store), key=read_key(key), create=False)


def open_file(store: str | Path, *, key: str | None, read_only: bool = False) -> "SqliteStore":
    """Open the store in a file that is there; see `SqliteStore`."""
    from sigverify.store import SqliteStore

    refuse_server(store)
    return SqliteStore(store, key=read_key(key), create=False, read_only=read_only)


def refuse_server(store: str | Path) -> None:
    """Refuse what works on files alone, where a server is named."""
    from sigverify.errors import ConfigError
    from sigverify.store import is_server

    if is_server(store):
        raise ConfigError(
            "this works on a store in a file",
            expected="a file",
            received="a server",
            hint="A server has tools of its own for this (pg_dump); see docs/fleet.md",
        )


def shown(store: str | Path) -> str:
    """Return what names a store on the screen: of a server's address, nothing before the host."""
    text = str(store)
    return text if "@" not in text else f"postgresql://{text.rpartition('@')[2]}"


def read_key(source: str | None) -> "Key | None":
    """Read the key that an option names; see `Key.from_source`."""
    from sigverify.protection.keys import Key

    return None if source is None else Key.from_source(source)
