"""The site's pages are all in its menu, its references complete; without mkdocs, which `make site` has."""

import doctest
import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest
import typer

import sigverify
from sigverify.cli.app import app

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.fixture(scope="module")
def site():
    """Return a function that imports a module of the site's own."""
    sys.path.insert(0, str(SITE))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(SITE))


def pages(nav):
    """The pages of a menu, in order."""
    for entry in nav:
        for value in entry.values():
            yield from pages(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_menu_once_and_every_entry_is_a_page(site):
    yaml = pytest.importorskip("yaml", reason="no PyYAML: comes with the tools of developers")
    shown = list(pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    there = {path.name for path in DOCUMENTS if path.parent.name == "docs"}
    there |= {*site("links").OTHERS.values(), *site("generated").GENERATED}
    assert sorted(shown) == sorted(there)


def test_every_command_and_option_is_in_the_reference(site):
    reference = site("cli_reference")
    text = reference.cli_reference()
    sections = dict(re.findall(r"^## (sigverify[^\n]*)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    known = dict(reference.commands(typer.main.get_command(app)))
    assert sections.keys() == known.keys()
    assert "sigverify store rekey" in known
    for name, command in known.items():
        for parameter in command.params:
            words = [*parameter.opts, *parameter.secondary_opts]
            if parameter.param_type_name == "option":
                assert all(f"`{word}`" in sections[name] for word in words), (name, words)
        assert command.help.split("\n")[0] in sections[name].replace("\\|", "|")


def test_every_public_name_is_in_the_reference(site):
    text = site("api_reference").api_reference()
    shown = re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    expected = {f"{home}.{name}" for name, home in sigverify._HOMES.items() if name != "SigverifyError"}
    assert sorted(shown) == sorted({*expected, "sigverify.errors"})


def test_every_function_of_the_header_is_in_the_reference(site):
    reference = site("c_reference")
    text = reference.c_reference()
    names = reference.functions()
    assert {"sv_verify", "sv_enroll", "sv_status_text"} <= set(names)
    assert len(names) > 25
    assert all(f"{name}(" in text for name in names)
    assert "SV_API" not in text
    assert text.count("```") % 2 == 0
    assert "## Templates" in text


def test_every_operation_of_the_page_is_in_the_reference(site):
    pytest.importorskip("starlette")
    from firmware_bridge.kiosk.openapi import description

    text = site("rest_reference").rest_reference()
    document = description()
    named = [f"{method.upper()} {path}" for path, each in document["paths"].items() for method in each]
    assert re.findall(r"^## ([A-Z]+ /.*)$", text, re.MULTILINE) == named
    assert re.findall(r"^### (.+)$", text, re.MULTILINE) == list(document["components"]["schemas"])
    for schema in document["components"]["schemas"].values():
        for name in schema.get("properties", {}):
            assert f"| `{name}` |" in text
    assert not re.search(r"an object:\n+(#|\Z)", text), "nothing stands below"


def test_links_become_those_of_the_site(site):
    links = site("links")
    text = "[a](../README.md#five-minutes) [b](store.md) [c](../examples) [d](../examples/gate.py) [e](https://e.org)"
    assert links.rewritten("docs/search.md", text) == (
        "[a](readme.md#five-minutes) [b](store.md) c [d](source/examples/gate.py) [e](https://e.org)"
    )
    assert links.rewritten("sigverify/models/base.md", "[x](../../docs/results.md)") == "[x](../results.md)"
    assert links.rewritten("docs/a.md", "```sh\n[x](../README.md)\n```") == "```sh\n[x](../README.md)\n```"
    assert doctest.testmod(links) == (0, 4)


COMMAND = re.compile(r"^(?:\$ |[A-Z_]+=\S+ )*sigverify (.+)$")


def shown_commands(path):
    """The commands of the SDK in blocks of shell, long ones joined."""
    for block in re.findall(r"^```sh\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"\s(?:&&|\|\||\||;|&)(?:\s|$)", line.partition(" #")[0]):
                if found := COMMAND.match(part.strip()):
                    yield found[1]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_shown_exists_with_its_options(path):
    for shown in shown_commands(path):
        words = shlex.split(shown)
        command, name = typer.main.get_command(app), []
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            name.append(words[0])
            assert words[0] in command.commands, f"sigverify {shown}"
            command = command.commands[words.pop(0)]
        known = {word for each in command.params for word in (*each.opts, *each.secondary_opts)} | {
            "--help",
            "-h",
        }
        used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert used <= known, f"sigverify {shown}"
