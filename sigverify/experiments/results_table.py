"""What `reproduce` leaves for readers: `results.json` with all figures, `results.md` with the table."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sigverify import __version__
from sigverify.evaluation.results import Row, to_markdown
from sigverify.experiments.left_out import Experiment
from sigverify.whole_file import write_whole

FORMAT: Final = "sigverify-results"
VERSION: Final = 1


def describe_results(experiment: Experiment, rows: Sequence[Row], *, quick: bool) -> dict[str, Any]:
    """Return the content of `results.json`: the rows, and what they were measured with; plain JSON types."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "sigverify": __version__,
        "quick": quick,
        "protocol": "standard",
        "draws": experiment.draws,
        "networks": [network.label for network in experiment.networks],
        "corpora": {name: corpus.fingerprint for name, corpus in experiment.corpora.items()},
        "rows": [row.to_dict() for row in rows],
    }


def write_results(out: Path, content: Mapping[str, Any], rows: Sequence[Row]) -> dict[str, str]:
    """Write both files into `out`; return what each is, and its path."""
    files = {"table": out / "results.md", "figures": out / "results.json"}
    write_whole(files["figures"], json.dumps(content, indent=1, allow_nan=False) + "\n")
    write_whole(files["table"], f"{_preamble(content)}\n{to_markdown(rows)}")
    return {name: str(path) for name, path in files.items()}


def _preamble(content: Mapping[str, Any]) -> str:
    warning = "**A quick run on a few writers: the figures mean nothing.**\n\n" if content["quick"] else ""
    count = len(content["networks"])
    seeds = f"{count} training seeds" if count > 1 else "one training seed"
    return (
        f"# Results\n\n{warning}"
        f"Rates in %: mean ± standard deviation over {seeds} and "
        f"{content['draws']} draws of references; in brackets the 95 % confidence interval of the mean, by "
        "bootstrap over writers. R: references enrolled. Neither the network nor the calibration saw the "
        "corpus that is measured on. Model files are measured through the SDK, as on a device. "
        "\\*: fewer forgeries than 3 / FMR.\n\n"
        f"Made {content['created'][:10]} by `sigverify reproduce`, sigverify {content['sigverify']}.\n"
    )
