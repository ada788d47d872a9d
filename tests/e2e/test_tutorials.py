"""The tutorials run and show what they are there to show, and their notebooks are those of the scripts."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from warm_python import warm_python

TUTORIALS = Path(__file__).resolve().parents[2] / "examples" / "tutorials"
MOST_BYTES = 60_000
"""Of a figure in a notebook."""
SHOWN = {
    "digit_pairs": ["accuracy ", "overfitting: 30 pictures: equal error rate"],
    "embedding_map": ["120 signatures and 40 forgeries", "all 64 numbers: 9"],
    "first_look": ["alice-1, alice-2", "accepted", "alice-6          accept", "forged-alice-1   reject"],
    "leaking_split": [
        "split by pair: equal error rate",
        "split by writer: equal error rate",
        "share writers",
    ],
    "members": ["skilled, R = 5", "former members in 0%", "a member signs: member 6"],
    "one_shot": ["hand-made columns", "figure: "],
    "transfer": ["from scratch: ", "the last 20 layers"],
    "triplets": ["40 triplets", "held out: the nearest is a positive"],
}
QUICK = ("embedding_map", "first_look")
"""Those that take seconds as they are."""


def run(command, folder, **environment):
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "SIGVERIFY_PLOTS": str(folder), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def cells_of(path):
    return [
        (cell["cell_type"], "".join(cell["source"])) for cell in json.loads(path.read_text("utf-8"))["cells"]
    ]


def outputs_of(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make the notebooks of all scripts as they are now, without running them."""
    folder = tmp_path_factory.mktemp("made")
    program = (
        "import sys, nbformat; from pathlib import Path; from make_notebooks import to_notebook, tutorials\n"
        "for path in tutorials():\n"
        "    target = Path(sys.argv[1], path.stem + '.ipynb')\n"
        "    nbformat.write(to_notebook(path.read_text('utf-8')), target)\n"
    )
    run([sys.executable, "-c", program, folder], TUTORIALS, SIGVERIFY_PLOTS=str(folder))
    return folder


def test_every_tutorial_is_here(made):
    assert {path.stem for path in made.glob("*.ipynb")} == set(SHOWN)
    assert {path.stem for path in TUTORIALS.glob("*.ipynb")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_the_notebook_is_that_of_the_script(made, name):
    current, kept = (cells_of(folder / f"{name}.ipynb") for folder in (made, TUTORIALS))
    assert kept == current, f"run: python examples/tutorials/make_notebooks.py {name}"


@pytest.mark.parametrize("name", SHOWN)
def test_the_notebook_was_run_and_is_small(name):
    outputs = outputs_of(TUTORIALS / f"{name}.ipynb")
    drawn = [each["data"] for each in outputs if "image/png" in each.get("data", ())]
    figures = [base64.b64decode(each["image/png"]) for each in drawn]
    assert figures
    assert max(map(len, figures)) < MOST_BYTES
    printed = "".join("".join(each.get("text", ())) for each in outputs)
    for words in SHOWN[name]:
        if words not in {"figure: ", "40 triplets"}:  # of scripts, and of the short course
            assert words in printed


def test_a_first_look_shows_each_kind_of_answer():
    shown = [each["data"] for each in outputs_of(TUTORIALS / "first_look.ipynb") if "data" in each]
    inks = ["".join(each["image/svg+xml"]) for each in shown if "image/svg+xml" in each]
    answers = " ".join("".join(each["text/html"]) for each in shown if "text/html" in each)
    assert len(inks) == 2
    assert all(ink.startswith("<svg") for ink in inks)
    for words in ("✓ accepted", "nobody signs twice the same", "unlike: ", "<td>bob</td>", "one reference"):
        assert words in answers


@pytest.mark.parametrize("name", SHOWN)
def test_the_notebook_tells_nothing_of_the_machine(name):
    path = TUTORIALS / f"{name}.ipynb"
    printed = "".join("".join(each.get("text", ())) for each in outputs_of(path))
    assert "Traceback" not in printed
    assert not [name for name in ("home", "root", "tmp", "work", "Users") if f"/{name}/" in printed]
    assert set(json.loads(path.read_text("utf-8"))["metadata"]) == {"kernelspec"}


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[] if each in QUICK else pytest.mark.slow) for each in SHOWN]
)
def test_script(tmp_path, name):
    short = {} if name in QUICK else {"SIGVERIFY_TUTORIAL": "small"}
    printed = run([*warm_python(), "-W", "error", TUTORIALS / f"{name}.py"], tmp_path, **short)
    for words in SHOWN[name]:
        assert words in printed
    assert list(tmp_path.glob("*.png"))


@pytest.mark.slow
def test_triplets_of_ones_own_folders(tmp_path):
    folder = tmp_path / "mine"
    program = (
        "import sys; from pathlib import Path; import os; os.environ['SIGVERIFY_TUTORIAL'] = 'small'\n"
        "from PIL import Image; from pictures import signatures\n"
        "corpus = signatures(12, genuine=2, seed=3)\n"
        "for writer, other in zip(corpus.writers, corpus.writers[1:] + corpus.writers[:1]):\n"
        "    one, two = (sample.capture.grey for sample in corpus.genuine(writer))\n"
        "    third = corpus.genuine(other)[0].capture.grey\n"
        "    for role, grey in (('anchor', one), ('positive', two), ('negative', third)):\n"
        "        target = Path(sys.argv[1], role, f'{writer}-0.jpg')\n"
        "        target.parent.mkdir(parents=True, exist_ok=True)\n"
        "        Image.fromarray(grey).convert('RGB').save(target)\n"
    )
    run([*warm_python(), "-c", program, folder], TUTORIALS, SIGVERIFY_PLOTS=str(tmp_path))
    printed = run(
        [*warm_python(), TUTORIALS / "triplets.py"],
        tmp_path,
        SIGVERIFY_TUTORIAL="small",
        SIGVERIFY_TRIPLETS=str(folder),
    )
    assert "12 triplets, the first: anchor/000000-0.jpg" in printed


def test_a_script_becomes_a_notebook_and_runs(tmp_path):
    tool = (TUTORIALS / "make_notebooks.py").read_text("utf-8")
    (tmp_path / "make_notebooks.py").write_text(tool, "utf-8")
    script = (
        '"""A title.\n\nAnd a text.\n"""\n\n# %%\nprint(6 * 7)\n\n# %% [markdown]\n# ## More\n#\n# words\n'
    )
    (tmp_path / "short.py").write_text(script, "utf-8")
    assert "short.ipynb: 3 cells" in run([sys.executable, tmp_path / "make_notebooks.py"], tmp_path)
    assert cells_of(tmp_path / "short.ipynb") == [
        ("markdown", "# A title\n\nAnd a text."),
        ("code", "print(6 * 7)"),
        ("markdown", "## More\n\nwords"),
    ]
    assert [each["text"] for each in outputs_of(tmp_path / "short.ipynb")] == [["42\n"]]
