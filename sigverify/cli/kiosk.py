"""`sigverify kiosk`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    ModelOption,
    ReferOption,
    RuntimeOption,
    StationKeyOption,
    StationsOption,
    StoreOption,
    ThreadsOption,
    TrustOption,
)

if TYPE_CHECKING:
    from types import ModuleType


def kiosk(
    store: StoreOption,
    *,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen on; any but this machine's needs --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = 8080,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="FILE|env:NAME|fd:N",
            help="Where what every caller has to show is read from; without, SIGVERIFY_KIOSK_TOKEN.",
        ),
    ] = None,
    code: Annotated[
        str | None,
        typer.Option(
            "--code",
            metavar="FILE|env:NAME|fd:N",
            help="Where what makes a visitor an operator is read from; without, SIGVERIFY_KIOSK_CODE, "
            "and without that a new one is printed.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            help="What the operator by --code may: verify, identify, compare, enroll, replace, users, "
            "forget, unlock, images; repeat. Without: all.",
        ),
    ] = None,
    operator: Annotated[
        list[str] | None,
        typer.Option(
            "--operator",
            metavar="NAME:CAPABILITY,…:FILE|env:NAME|fd:N",
            help="An operator with a code and capabilities of their own; repeat. Without --code no other.",
        ),
    ] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(
            "--client",
            metavar="NAME:CAPABILITY,…:FILE|env:NAME|fd:N",
            help="A program that uses REST, with a token and capabilities of its own; repeat.",
        ),
    ] = None,
    everybody_operates: Annotated[
        bool, typer.Option("--everybody-operates", help="Ask for no code: all callers are trusted.")
    ] = False,
    fmr: FmrOption = "balanced",
    refer: ReferOption = None,
    references: Annotated[int, typer.Option("--references", help="Signatures of one enrollment.")] = 5,
    fpir: Annotated[
        float, typer.Option("--fpir", help="The rate at which identify may take a stranger for somebody.")
    ] = 0.01,
    keyboard: Annotated[
        bool,
        typer.Option(
            "--keyboard/--no-keyboard", help="Type names on the page's own keys (a to z), or on the system's."
        ),
    ] = True,
    visitor_pictures: Annotated[
        bool,
        typer.Option("--visitor-pictures", help="Let visitors show a picture of a signature, too."),
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", exists=True, dir_okay=False, help="Serve https: a PEM file.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", exists=True, dir_okay=False, help="Its key, a PEM file.")
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            help="Processes that verify and identify, above 1 beside the page's own; each takes a core, "
            "and memory of its own.",
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
    """Serve a full-screen page that enrolls, verifies and identifies by touch, pen or mouse."""
    from contextlib import ExitStack

    from sigverify.cli.opening import verifier_opener
    from sigverify.errors import ConfigError
    from sigverify.model_file import Model
    from sigverify.policy import Policy, check_policy

    server = _server()
    from firmware_bridge.capability import ALL, read_capabilities, read_grants
    from firmware_bridge.kiosk.secret import read_secret
    from firmware_bridge.kiosk.settings import Settings, new_code

    code = read_secret("operator's code", code, "SIGVERIFY_KIOSK_CODE")
    if everybody_operates and (operator or allow):
        raise ConfigError("everybody operates, and some only do", expected="--everybody-operates alone")
    made = None if everybody_operates or code or operator else new_code()
    settings = Settings(
        host=host,
        token=read_secret("token", token, "SIGVERIFY_KIOSK_TOKEN"),
        code=None if everybody_operates else code or made,
        operator_may=read_capabilities(allow) if allow else ALL,
        operators=read_grants(operator or (), lambda source: _secret("operator's code", source)),
        clients=read_grants(client or (), lambda source: _secret("token", source)),
        references=references,
        fpir=fpir,
        keyboard=keyboard,
        visitor_pictures=visitor_pictures,
    )
    server.check_certificate(tls_cert, tls_key)
    policy = Policy.kiosk().asking(fmr=fmr, refer_fmr=refer)
    check_policy(policy, Model.read(model).manifest.scoring)
    opening = verifier_opener(
        store,
        model=model,
        image_model=image_model,
        runtime=runtime,
        threads=threads,
        key=key,
        counter=counter,
        policy=policy,
        trust=trust,
        cache=cache,
        index=index,
        stations=stations,
        station_key=station_key,
        capture_keys=capture_keys,
    )
    with ExitStack() as opened:
        # They open the store after this process, which may have to make it.
        pool = server.make_pool(lambda: opening(create=False), settings, workers)
        if pool is not None:
            opened.callback(pool.end_now)
        # First, so that where the address is taken no store is begun; nobody can connect yet.
        listening = opened.enter_context(server.bind(host, port))
        verifier = opened.enter_context(opening(create=create))
        running = server.make_server(verifier, settings, certificate=tls_cert, key=tls_key, pool=pool)
        server.listen(listening)
        _announce(server.address(listening, settings, tls=tls_cert is not None), made, as_json=as_json)
        server.run(running, listening, pool)


def _secret(what: str, source: str) -> str:
    from firmware_bridge.kiosk.secret import read_secret

    return read_secret(what, source, "") or ""


def _server() -> "ModuleType":
    """Import what needs the extra.

    Raises:
        MissingExtra: starlette or uvicorn is not installed.
    """
    from sigverify.errors import MissingExtra

    try:
        from firmware_bridge.kiosk import server
    except ImportError as error:
        raise MissingExtra(f"{error.name} is not installed", hint="pip install 'sigverify[kiosk]'") from error
    return server


def _announce(url: str, made: str | None, *, as_json: bool) -> None:
    """Print where the page is, at once: whoever started this may be waiting for it."""
    from sigverify.cli.output import report, table

    content = {"url": url, "operator_code": made}
    rows = {"open": url} | ({"operator's code": made} if made else {}) | {"stop": "Ctrl+C"}
    report(content, as_json=as_json, render=lambda: table(rows))
