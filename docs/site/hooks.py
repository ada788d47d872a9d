"""What mkdocs does beyond its settings: pages that are generated or lie elsewhere, links, and a last check.

Pages are written for the repository, where they link to files beside the docs; see `links`.
"""

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from generated import GENERATED  # noqa: E402 - found by the line above
from links import DOCS, OTHERS, ROOT, place, resolved, rewritten, slug, targets  # noqa: E402

_REPOSITORY = {there: path for path, there in OTHERS.items()}
_LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["'](?:https?:)?//[^"']+""", re.IGNORECASE
)


def on_config(config: Any) -> Any:
    """Give headings the anchors that links in the repository use."""
    config["mdx_configs"]["toc"]["slugify"] = slug
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated, what lies elsewhere in the repository, and every file that a page links to."""
    for there, make in GENERATED.items():
        files.append(File.generated(config, there, content=make()))
    for path, there in OTHERS.items():
        files.append(File.generated(config, there, content=(ROOT / path).read_text("utf-8")))
    documents = [*(f"{DOCS}{each.name}" for each in (ROOT / DOCS).glob("*.md")), *OTHERS]
    for document in documents:
        for target in targets((ROOT / document).read_text("utf-8")):
            path, _ = resolved(document, target)
            there = place(path)
            if there and (ROOT / path).is_file() and files.get_file_from_path(there) is None:
                files.append(File.generated(config, there, content=(ROOT / path).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite links for the site."""
    there = page.file.src_uri
    if there in GENERATED:
        return markdown
    return rewritten(_REPOSITORY.get(there, DOCS + there), markdown)


def on_post_build(config: Any) -> None:
    """Refuse a site that would load anything from elsewhere."""
    outside = {
        f"{page.relative_to(config['site_dir'])}: {found}"
        for page in Path(config["site_dir"]).rglob("*.html")
        for found in _LOADED.findall(page.read_text("utf-8"))
    }
    if outside:
        raise PluginError("the site would load from elsewhere:\n" + "\n".join(sorted(outside)))
