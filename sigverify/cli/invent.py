"""`sigverify invent`."""

from pathlib import Path
from typing import Annotated

import typer

from sigverify.cli.options import JsonOption


def invent(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="A new folder, or an empty one.")],
    writers: Annotated[int, typer.Option("--writers", min=1, help="How many people.")] = 10,
    genuine: Annotated[int, typer.Option("--genuine", min=1, help="Signatures of each.")] = 10,
    skilled: Annotated[
        int, typer.Option("--skilled", min=0, help="Practiced forgeries of each one's signature.")
    ] = 10,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, other people.")] = 0,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Write pictures of the signatures (.png), not strokes (.csv).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Invent people with their signatures and forgeries, as a folder for --corpus folder=PATH.

    They are nobody's, and free for any use. The same settings give the same files.
    """
    from sigverify.cli.output import report, visible
    from sigverify.cli.progress import stage_bar
    from sigverify.corpora.folder import require_new, write_folder
    from sigverify.corpora.processes import usable_cores
    from sigverify.corpora.synthetic import SyntheticConfig, synthesize

    config = SyntheticConfig(writers=writers, genuine=genuine, skilled=skilled, seed=seed)
    require_new(out)
    cores = usable_cores()
    with stage_bar("Inventing signatures"):
        corpus = synthesize(config, workers=cores)
        if pictures:
            from sigverify.corpora.rendered import render

            corpus = render(corpus, workers=cores)
        write_folder(corpus, out)
    content = {
        "folder": str(out),
        "name": corpus.name,
        "writers": writers,
        "genuine": writers * genuine,
        "skilled": writers * skilled,
        "fingerprint": corpus.fingerprint,
    }
    what = "pictures" if pictures else "signatures"
    words = (
        f"Wrote {len(corpus)} {what} of {writers} invented people to {visible(out)}: "
        f"{genuine} genuine and {skilled} forged of each. Use them as --corpus folder={visible(out)}"
    )
    report(content, as_json=as_json, render=lambda: words)
