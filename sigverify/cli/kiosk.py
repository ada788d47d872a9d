"""`sigverify kiosk`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import (
    CacheOption,
    CreateOption,
    FmrOption,
    ImageModelOption,
    JsonOption,
    KeyOption,
    ModelOption,
    ReferOption,
    RuntimeOption,
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
            "--token", envvar="SIGVERIFY_KIOSK_TOKEN", help="What every caller has to show; 16 characters."
        ),
    ] = None,
    code: Annotated[
        str | None,
        typer.Option(
            "--code",
            envvar="SIGVERIFY_KIOSK_CODE",
            help="What makes a visitor an operator, who may enroll; without, a new one is printed.",
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
    model: ModelOption = "base",
    image_model: ImageModelOption = "base-image",
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = 1,
    trust: TrustOption = None,
    key: KeyOption = None,
    cache: CacheOption = None,
    create: CreateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Serve a full-screen page that enrolls, verifies and identifies by touch, pen or mouse."""
    from sigverify.cli.opening import open_verifier
    from sigverify.policy import Policy

    server = _server()
    from firmware_bridge.kiosk.settings import Settings, new_code

    made = None if everybody_operates or code else new_code()
    settings = Settings(
        host=host,
        token=token,
        code=None if everybody_operates else code or made,
        references=references,
        fpir=fpir,
        keyboard=keyboard,
        visitor_pictures=visitor_pictures,
    )
    server.check_certificate(tls_cert, tls_key)
    policy = Policy.kiosk().asking(fmr=fmr, refer_fmr=refer)
    listening = server.listen(host, port)
    with (
        listening,
        open_verifier(
            store,
            model=model,
            image_model=image_model,
            runtime=runtime,
            threads=threads,
            create=create,
            key=key,
            policy=policy,
            trust=trust,
            cache=cache,
        ) as verifier,
    ):
        running = server.make_server(verifier, settings, certificate=tls_cert, key=tls_key)
        _announce(server.address(listening, settings, tls=tls_cert is not None), made, as_json=as_json)
        server.run(running, listening)


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
