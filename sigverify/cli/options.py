"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

StoreOption = Annotated[
    Path,
    typer.Option("--store", "-s", envvar="SIGVERIFY_STORE", help="The file of enrolled references."),
]
UserOption = Annotated[str, typer.Option("--user", "-u", help="Whose signature it is (claimed to be).")]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model", "-m", envvar="SIGVERIFY_MODEL", help="A .sigmodel file, or the name of a model that ships."
    ),
]
RuntimeOption = Annotated[
    str,
    typer.Option("--runtime", help="auto, litert, tflite-runtime, tensorflow or edgetpu."),
]
ThreadsOption = Annotated[int, typer.Option("--threads", min=1, max=64, help="CPU threads for the network.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
CorpusOption = Annotated[
    list[str],
    typer.Option(
        "--corpus",
        "-c",
        metavar="NAME[=PATH]",
        help="A corpus: synthetic, synthetic:writers=200,seed=3, svc2004-task1=PATH, svc2004-task2=PATH, "
        "susig-blind=PATH or sigcomp2009=PATH. PATH is a folder or a zip file. Repeat for several.",
    ),
]
SignatureArgument = Annotated[
    Path,
    typer.Argument(
        exists=True, dir_okay=False, metavar="SIGNATURE_FILE", help="A signature; the format is recognised."
    ),
]
SignaturesArgument = Annotated[
    list[Path],
    typer.Argument(
        exists=True,
        dir_okay=False,
        metavar="SIGNATURE_FILES...",
        help="Genuine signatures; five is a good start.",
    ),
]
