"""Make the notebooks of the tutorials out of their scripts, and run them.

A script's docstring becomes the first cell, `# %%` begins a cell of code and `# %% [markdown]` one of text.

    python examples/tutorials/make_notebooks.py [NAME …]
"""

import ast
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import v4

HERE = Path(__file__).parent
HELPERS = {"learning", "make_notebooks", "pairs", "pictures", "showing"}
"""Modules in this folder that are no tutorials."""
MARK = re.compile(r"^# %%(.*)$", re.MULTILINE)
MOST_SECONDS = 600
"""A cell that takes longer has gone wrong."""


def tutorials():
    """Return the scripts, in order of their names."""
    return [path for path in sorted(HERE.glob("*.py")) if path.stem not in HELPERS]


def to_notebook(script):
    """Turn the text of a script into a notebook that has not run yet."""
    head, *rest = MARK.split(script)
    title, _, text = (ast.get_docstring(ast.parse(head)) or "").partition("\n")
    cells = [v4.new_markdown_cell(f"# {title.rstrip('.')}\n{text}".strip())]
    for kind, body in zip(rest[::2], rest[1::2], strict=True):
        if "[markdown]" in kind:
            lines = [re.sub("^# ?", "", line) for line in body.strip().splitlines()]
            cells.append(v4.new_markdown_cell("\n".join(lines)))
        else:
            cells.append(v4.new_code_cell(body.strip()))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # nbformat draws one at random
    return v4.new_notebook(cells=cells)


def run(notebook, folder):
    """Run all cells in `folder`; keep what they show, and nothing of the machine or the time."""
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    NotebookClient(
        notebook,
        timeout=MOST_SECONDS,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata.pop("language_info", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("text/plain", None)
        if cell.cell_type == "code":
            # What libraries say of the machine on stderr teaches nobody.
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def main(names):
    """Make the notebooks of that name, or all."""
    chosen = [path for path in tutorials() if not names or path.stem in names]
    for path in chosen:
        notebook = run(to_notebook(path.read_text("utf-8")), path.parent)
        target = path.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        print(f"{target.name}: {len(notebook.cells)} cells, {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
