"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        "-s",
        envvar="SIGVERIFY_STORE",
        metavar="FILE|postgresql://…",
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
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="SIGVERIFY_KEY_FROM",
        metavar="FILE|env:NAME|fd:N",
        help="Where the store's key comes from; without, the one in your state directory.",
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
