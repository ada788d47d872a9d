"""`sigverify serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import (
    CacheOption,
    CaptureKeysOption,
    CounterOption,
    CreateOption,
    FmrOption,
    ImageModelOption,
    IndexOption,
    JsonOption,
    KeyOption,
    LockoutOption,
    ModelOption,
    ReplayCheckOption,
    RuntimeOption,
    StationKeyOption,
    StationsOption,
    StoreOption,
    ThreadsOption,
    TrustOption,
)

if TYPE_CHECKING:
    from firmware_bridge.capability import Capability
    from firmware_bridge.daemon.untrusted import Terms
    from firmware_bridge.transport.listeners import Listener
    from sigverify.protection.keys import Key


def serve(
    store: StoreOption,
    *,
    socket: Annotated[
        Path | None, typer.Option("--socket", metavar="PATH", help="Listen at a unix socket.")
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", metavar="OCTAL", help="Who may open the socket, as for chmod.")
    ] = "0660",
    allow_uid: Annotated[
        list[int] | None,
        typer.Option(
            "--allow-uid", metavar="UID", help="Let in this user too, beside your own and root. Repeat."
        ),
    ] = None,
    serial: Annotated[
        str | None, typer.Option("--serial", metavar="DEVICE", help="Attend to a serial line.")
    ] = None,
    baud: Annotated[int, typer.Option("--baud", min=300, help="Speed of the serial line.")] = 115_200,
    tcp: Annotated[
        str | None,
        typer.Option(
            "--tcp", metavar="HOST:PORT", help="Listen at a port; beyond loopback with --token only."
        ),
    ] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="Encrypt the port by the token; needs Python 3.13 on both sides.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", metavar="FILE|env:NAME|fd:N", help="What clients must prove; `store keygen` makes one."
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            help="What clients may: verify, identify, enroll, replace, users, forget, images; repeat. "
            "Without: all but replace and forget.",
        ),
    ] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(
            "--client",
            metavar="NAME:CAPABILITY,…:FILE|env:NAME|fd:N",
            help="A client with a token and capabilities of its own, by what it calls itself; repeat. "
            "Without --token no others come in.",
        ),
    ] = None,
    untrusted: Annotated[
        bool,
        typer.Option(
            "--untrusted",
            help="Tell clients nothing that helps an attacker; without --allow, they only verify.",
        ),
    ] = False,
    fpir: Annotated[
        float | None,
        typer.Option(
            "--fpir",
            help="With --untrusted: the rate at which identify may take a stranger for somebody; "
            "without, 0.01.",
        ),
    ] = None,
    references: Annotated[
        int | None,
        typer.Option("--references", help="With --untrusted: signatures of one enrollment; without, 5."),
    ] = None,
    fmr: FmrOption = "balanced",
    replay_check: ReplayCheckOption = True,
    lockout: LockoutOption = True,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="HOST:PORT", help="Show /metrics (Prometheus) and /health there."),
    ] = None,
    clients: Annotated[int, typer.Option("--clients", min=1, max=1024, help="Lines open at once.")] = 64,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            help="Processes that answer; each takes a core, and memory of its own.",
        ),
    ] = 1,
    model: ModelOption = "base",
    image_model: ImageModelOption = "base-image",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    trust: TrustOption = None,
    stations: StationsOption = None,
    station_key: StationKeyOption = None,
    capture_keys: CaptureKeysOption = None,
    key: KeyOption = None,
    counter: CounterOption = None,
    cache: CacheOption = None,
    index: IndexOption = "exact",
    create: CreateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Answer clients at a socket, a serial line or a port. SIGHUP opens model and store anew."""
    import asyncio
    import logging
    from itertools import chain, repeat

    from firmware_bridge.capability import DAEMON, read_grants
    from firmware_bridge.daemon.daemon import Daemon
    from firmware_bridge.daemon.metrics_page import MetricsPage
    from firmware_bridge.daemon.session import Limits
    from sigverify.cli.opening import make_policy, read_key, verifier_opener
    from sigverify.cli.output import report, visible
    from sigverify.errors import ConfigError
    from sigverify.model_file import Model
    from sigverify.policy import check_policy
    from sigverify.protection.keys import Key
    from sigverify.verifier import Verifier

    wanted = read_key(token)
    grants = read_grants(client or (), Key.from_source, DAEMON)
    listeners = _listeners(socket, mode, allow_uid, serial, baud)
    listeners += _ports(tcp, tls, wanted)
    if tls and grants:
        raise ConfigError("--tls encrypts by one token for all", expected="--token alone, without --client")
    if not listeners:
        raise ConfigError("nowhere to listen", expected="--socket PATH, --serial DEVICE or --tcp HOST:PORT")
    terms = _terms(untrusted, fpir, references)
    policy = make_policy(untrusted=untrusted, replay_check=replay_check, lockout=lockout).asking(fmr=fmr)
    check_policy(policy, Model.read(model).manifest.scoring)  # before a store is begun
    page = None if metrics is None else MetricsPage(*_address(metrics))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")

    opening = verifier_opener(
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
    )
    reloading = chain([False], repeat(True))

    def open_() -> Verifier:
        # A store that is away, or whose name is mistyped, is no reason to begin an empty one.
        return opening(create=create and not next(reloading))

    daemon = Daemon(
        open_,
        allowed=_allowed(allow, untrusted),
        token=wanted,
        grants=grants,
        untrusted=terms,
        limits=Limits(clients=clients),
        workers=workers,
    )

    def announce() -> None:
        places = [str(listener) for listener in listeners]
        content = {"listening": places, "metrics": None if page is None else str(page)}
        names = ", ".join(map(visible, places))
        report(content, as_json=as_json, render=lambda: f"Listening at {names}")

    asyncio.run(daemon.run(listeners, page=page, announce=announce))


def _listeners(
    path: Path | None,
    mode: str,
    uids: list[int] | None,
    serial: str | None,
    baud: int,
) -> "list[Listener]":
    from firmware_bridge.transport.listeners import SerialListener, UnixListener

    listeners: list[Listener] = []
    if path is not None:
        listeners.append(UnixListener(path, mode=_octal(mode), uids=frozenset(uids or ())))
    if serial is not None:
        listeners.append(SerialListener(serial, baud=baud))
    return listeners


def _ports(tcp: str | None, tls: bool, token: "Key | None") -> "list[Listener]":
    from firmware_bridge.transport.listeners import TcpListener
    from sigverify.errors import ConfigError

    if tls and (tcp is None or token is None):
        raise ConfigError("--tls encrypts a port by a token", expected="--tcp HOST:PORT and --token")
    return [] if tcp is None else [TcpListener(*_address(tcp), tls=token if tls else None)]


def _terms(untrusted: bool, fpir: float | None, references: int | None) -> "Terms | None":
    from firmware_bridge.daemon.untrusted import Terms
    from sigverify.errors import ConfigError

    chosen = {"fpir": fpir, "references": references}
    given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    if given and not untrusted:
        raise ConfigError(
            "clients that are trusted choose this themselves",
            expected="--untrusted too",
            received=", ".join(f"--{name}" for name in given),
        )
    return Terms(**given) if untrusted else None


def _address(text: str) -> tuple[str, int]:
    from firmware_bridge.transport.address import host_and_port

    return host_and_port(text)


def _octal(mode: str) -> int:
    from sigverify.errors import ConfigError

    try:
        value = int(mode, 8)
    except ValueError:
        value = -1
    if not 0 <= value <= 0o777:
        raise ConfigError("this is no file mode", expected="octal digits such as 0660", received=mode)
    return value


def _allowed(names: list[str] | None, untrusted: bool) -> "frozenset[Capability]":
    from firmware_bridge.capability import BY_DEFAULT, DAEMON, Capability, read_capabilities

    if not names:
        return frozenset({Capability.VERIFY}) if untrusted else BY_DEFAULT
    return read_capabilities(names, DAEMON)
