"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer


def without_password(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Refuse an address with a password on a command line, which every program of the machine can read.

    Raises:
        ConfigError: it has one. The environment (`SIGVERIFY_STORE`) may.
    """
    from urllib.parse import parse_qs, urlsplit

    from sigverify.errors import ConfigError

    is_address = value is not None and value.startswith(("postgresql://", "postgres://"))
    if value is None or not is_address or not _is_argument(context, parameter):
        return value
    try:
        parts = urlsplit(value)
        # libpq takes the one of a client's certificate there, too.
        asked = parse_qs(parts.query, keep_blank_values=True)
        secret = parts.password is not None or not {"password", "sslpassword"}.isdisjoint(asked)
    except ValueError:  # no address, which opening it says
        return value
    if secret:
        raise ConfigError(
            "a password on the command line: every program of the machine can read it",
            expected="an address without one",
            hint="Put it into ~/.pgpass or PGPASSWORD, or the whole address into SIGVERIFY_STORE",
        )
    return value


def _is_argument(context: typer.Context, parameter: typer.CallbackParam) -> bool:
    """Whether a value was given on the command line, and not by the environment."""
    source = context.get_parameter_source(parameter.name or "")
    return source is not None and source.name == "COMMANDLINE"


StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        "-s",
        envvar="SIGVERIFY_STORE",
        metavar="FILE|postgresql://…",
        callback=without_password,
        help="The file of enrolled references, or the address of a fleet's server.",
    ),
]
CreateOption = Annotated[
    bool,
    typer.Option("--create", help="Begin an empty store where there is none; without, that is an error."),
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="SIGVERIFY_CACHE",
        metavar="FILE",
        help="This kiosk's copy of a fleet's store; without, one in your state directory.",
    ),
]
IndexOption = Annotated[
    str,
    typer.Option(
        "--index",
        envvar="SIGVERIFY_INDEX",
        metavar="exact|approximate|server",
        help="How identify finds its shortlist; `server`: a PostgreSQL server does, by vectors in clear, and "
        "no copy is kept here. See docs/search.md.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="SIGVERIFY_KEY_FROM",
        metavar="FILE|env:NAME|fd:N",
        help="Where the store's key comes from; without, the one in your state directory. After `kiosk:` "
        "the key of this kiosk alone, see `sigverify fleet admit`.",
    ),
]
CounterOption = Annotated[
    str | None,
    typer.Option(
        "--counter",
        envvar="SIGVERIFY_COUNTER",
        metavar="file:PATH|tpm|fleet|postgresql://…",
        help="What counts the store's states outside of it, against older copies of the whole file.",
    ),
]
TrustOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--trust",
        envvar="SIGVERIFY_TRUST",
        metavar="PUBLIC_KEY",
        help="Run only a model signed by this key, a PEM file; see `sigverify model`. Repeat for several.",
    ),
]
StationsOption = Annotated[
    Path | None,
    typer.Option(
        "--stations",
        envvar="SIGVERIFY_STATIONS",
        metavar="FILE",
        help="Use only templates signed by an enrollment station of this list; see `sigverify station`.",
    ),
]
StationKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--station-key",
        envvar="SIGVERIFY_STATION_KEY",
        metavar="FILE",
        help="The key of this enrollment station, which signs what is enrolled here.",
    ),
]
PassphraseOption = Annotated[
    str | None,
    typer.Option(
        "--passphrase-env", metavar="NAME", help="The environment variable with the passphrase of the key."
    ),
]
CaptureKeysOption = Annotated[
    str | None,
    typer.Option(
        "--capture-keys",
        envvar="SIGVERIFY_CAPTURE_KEYS",
        metavar="FILE|env:NAME|fd:N",
        help="Take only captures that a pen signed with one of these keys; `sigverify pens` makes them.",
    ),
]
UserOption = Annotated[str, typer.Option("--user", "-u", help="Whose signature it is (claimed to be).")]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        envvar="SIGVERIFY_MODEL",
        help="A .sigmodel file, or the name of a model that ships; of strokes, or of pictures alone.",
    ),
]
ImageModelOption = Annotated[
    str,
    typer.Option(
        "--image-model",
        envvar="SIGVERIFY_IMAGE_MODEL",
        help="The same for pictures, read when the first one comes; `none` takes no pictures.",
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option("--runtime", help="auto, native, litert, tflite-runtime, tensorflow or edgetpu."),
]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, max=64, help="CPU threads for the network.")]
ReplayCheckOption = Annotated[
    bool, typer.Option("--replay-check/--no-replay-check", help="Refuse copies of signatures seen before.")
]
LockoutOption = Annotated[
    bool, typer.Option("--lockout/--no-lockout", help="Make them wait after too many failed tries.")
]
FmrOption = Annotated[
    str,
    typer.Option(
        "--fmr",
        metavar="PROFILE|RATE",
        help="How strict: convenient, balanced or strict, or the share of forgers to let in, as 0.03.",
    ),
]
ReferOption = Annotated[
    float | None,
    typer.Option(
        "--refer", metavar="FMR", help="A higher rate: what only it would accept, a person shall decide."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="NAME|FILE",
        help="Settings of the training: a recipe by name, such as base, left-out or fine-tune, or a TOML "
        "file. Options beat it.",
    ),
]
CorpusOption = Annotated[
    list[str],
    typer.Option(
        "--corpus",
        "-c",
        metavar="NAME[=PATH]",
        help="A corpus: folder=PATH, your own of writer/genuine/FILE and writer/skilled/FILE; synthetic, "
        "synthetic:writers=200,seed=3, rendered:CORPUS, or NAME=PATH of a folder or a zip file. Strokes: "
        "svc2004-task1, svc2004-task2, susig-blind, sigcomp2009. Pictures: bhsig260-hindi, "
        "bhsig260-bengali, cross-media, cedar, gpds, mcyt75, sigcomp2011-dutch, sigcomp2011-chinese. "
        "Repeat for several.",
    ),
]
WritersOption = Annotated[
    Path | None,
    typer.Option(
        "--writers",
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="Whose signatures to take: of a split that `sigverify corpus split` wrote train and convert "
        "take one side and evaluate the other; or a list of names, one a line.",
    ),
]
StyleOption = Annotated[
    Path | None,
    typer.Option(
        "--style",
        exists=True,
        dir_okay=False,
        metavar="FILE.css",
        help="A style sheet of your own for the page: it comes after the page's.",
    ),
]
SignatureArgument = Annotated[
    Path,
    typer.Argument(
        exists=True,
        dir_okay=False,
        metavar="SIGNATURE_FILE",
        help="A signature: strokes or a picture; the format is recognized.",
    ),
]
SignaturesArgument = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        dir_okay=False,
        metavar="SIGNATURE_FILES...",
        help="Genuine signatures, strokes or pictures; five of a kind is a good start.",
    ),
]
TryArgument = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        dir_okay=False,
        metavar="SIGNATURE_FILE [PICTURE_FILE]",
        help="A signature: strokes, a picture, or both of one act of signing.",
    ),
]
