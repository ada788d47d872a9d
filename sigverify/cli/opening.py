"""`open_verifier`, `open_store`, `make_policy`: what most commands begin with."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from sigverify.cli.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from sigverify.policy import Policy
    from sigverify.protection.keys import Key
    from sigverify.protection.stations import Stations
    from sigverify.signed.capture_keys import CaptureKeys
    from sigverify.store import SqliteStore
    from sigverify.store.sealed import SealedStore
    from sigverify.verifier import Verifier

STATION_PASSPHRASE: Final = "SIGVERIFY_STATION_PASSPHRASE"  # noqa: S105, the name of a variable
"""The environment variable with the passphrase of `--station-key`."""


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
    index: str = "exact",
    stations: Path | None = None,
    station_key: Path | None = None,
    capture_keys: str | None = None,
    counter: str | None = None,
) -> "Verifier":
    """Open a verifier without what its libraries log while they load; see `Verifier.open`."""
    return verifier_opener(
        store,
        model=model,
        image_model=image_model,
        runtime=runtime,
        threads=threads,
        key=key,
        policy=policy,
        trust=trust,
        cache=cache,
        index=index,
        stations=stations,
        station_key=station_key,
        capture_keys=capture_keys,
        counter=counter,
    )(create=create)


class OpenVerifier(Protocol):
    """Opens a verifier, each time it is called another one."""

    def __call__(self, *, create: bool) -> "Verifier":
        """Open it; `create`: where there is no store, begin one."""


def verifier_opener(
    store: str | Path,
    *,
    model: str,
    image_model: str,
    runtime: str,
    threads: int,
    key: str | None,
    policy: "Policy | None",
    trust: "list[Path] | None",
    cache: Path | None,
    index: str,
    stations: Path | None,
    station_key: Path | None,
    capture_keys: str | None,
    counter: str | None,
) -> OpenVerifier:
    """Return what opens verifiers, for a service that opens several, or the same one anew.

    Nothing is opened yet, so that a service can fork first. The store's key is read now and once, since a
    file descriptor can be read no second time; files that others change, such as the list of stations, are
    read each time.
    """
    secret = fleet_key(store, key, copy_at(cache, index))
    pens = capture_keys_from(capture_keys)

    def open_(*, create: bool) -> "Verifier":
        from sigverify.protection.signing import Trust
        from sigverify.store.counter import find_counter
        from sigverify.verifier import Verifier

        with quiet():
            return Verifier.open(
                store,
                model=model,
                image_model=chosen_image_model(image_model),
                runtime=runtime,
                threads=threads,
                create=create,
                key=secret,
                policy=policy,
                trust=Trust.from_files(trust) if trust else None,
                cache=cache,
                index=index,
                stations=read_stations(stations, station_key),
                capture_keys=pens(),
                counter=find_counter(counter, str(store)),
            )

    return open_


def read_stations(file: Path | None, key: Path | None) -> "Stations | None":
    """Return whose templates are used, by a list of stations and the key of this one; None: everybody's.

    The key's passphrase, where it has one, is in the environment: several commands and services take the key.
    """
    if file is None and key is None:
        return None
    from sigverify.protection.signing import ModelSigner
    from sigverify.protection.stations import Stations

    passphrase = os.environ.get(STATION_PASSPHRASE) or None  # set to nothing is as not set
    signer = None if key is None else ModelSigner.read(key, passphrase=passphrase)
    return Stations(key=signer) if file is None else Stations.from_file(file, key=signer)


def capture_keys_from(source: str | None) -> "Callable[[], CaptureKeys | None]":
    """Return what reads the keys of pens; None: captures need not be signed.

    It reads them each time anew, so that a reload takes a key back, but a file descriptor at once, before any
    process is forked that would want to read it, too.
    """
    from sigverify.signed.capture_keys import CaptureKeys

    if source is None:
        return lambda: None
    if source.startswith("fd:"):
        keys = CaptureKeys.from_source(source)
        return lambda: keys
    return lambda: CaptureKeys.from_source(source)


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


def open_store(
    store: str | Path,
    *,
    key: str | None,
    counter: str | None = None,
    read_only: bool = False,
    compare: bool = True,
) -> "SealedStore":
    """Open a store that is there, in a file or on a server; see `SqliteStore` and `PostgresStore`."""
    from sigverify.errors import ConfigError
    from sigverify.store import is_server

    if not is_server(store):
        return open_file(store, key=key, counter=counter, read_only=read_only, compare=compare)
    from sigverify.store.postgres import PostgresStore

    if counter is not None:
        raise ConfigError(
            "a counter is for a file: a kiosk's copy has one, its server has not",
            expected="no --counter",
            received=counter,
        )
    return PostgresStore(str(store), key=fleet_key(store, key, ":memory:"), create=False, compare=compare)


def open_file(
    store: str | Path,
    *,
    key: str | None,
    counter: str | None = None,
    read_only: bool = False,
    compare: bool = True,
) -> "SqliteStore":
    """Open the store in a file that is there; see `SqliteStore`."""
    from sigverify.store import SqliteStore
    from sigverify.store.counter import find_counter

    refuse_server(store)
    return SqliteStore(
        store,
        key=read_key(key),
        create=False,
        read_only=read_only,
        compare=compare,
        counter=find_counter(counter, str(store)),
    )


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


def fleet_key(store: str | Path, source: str | None, cache: str | Path | None) -> "Key | None":
    """Read the key of a store; of a fleet also by "kiosk:SOURCE", the key of a kiosk of its own.

    With that the kiosk's copy at `cache` follows the fleet to another key; ":memory:" is none.
    """
    kind, _, own = (source or "").partition(":")
    if kind != "kiosk" or not own:
        return read_key(source)
    from sigverify.errors import ConfigError
    from sigverify.fleet.kiosk_keys import unlock
    from sigverify.protection.keys import Key
    from sigverify.store import is_server

    if not is_server(store):
        raise ConfigError("a kiosk's own key is for a fleet", expected="--store postgresql://…")
    return unlock(str(store), Key.from_source(own), cache)


def copy_at(cache: Path | None, index: str) -> str | Path | None:
    """Return where this kiosk's copy is, for `fleet_key`; an index of a server has none."""
    from sigverify.search import IndexKind

    return ":memory:" if index == IndexKind.SERVER else cache


def read_key(source: str | None) -> "Key | None":
    """Read the key that an option names; see `Key.from_source`."""
    from sigverify.protection.keys import Key

    return None if source is None else Key.from_source(source)
