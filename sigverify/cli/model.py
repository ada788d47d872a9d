"""`sigverify model`: sign model files, check their signatures, and look into their networks."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import JsonOption, PassphraseOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.model_file import Model

model = typer.Typer(
    name="model",
    help="Sign model files, check their signatures, and look into their networks.",
    no_args_is_help=True,
)

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A .sigmodel file, or the name of a model that ships.")
]


@model.command()
def keygen(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Where the private key goes; the public one goes to OUT.pub."),
    ],
    *,
    passphrase_env: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a pair of Ed25519 keys. Keep the private one off every device."""
    from sigverify.cli.checks import passphrase_in
    from sigverify.cli.output import report, table
    from sigverify.protection.signing import ModelSigner

    public = out.with_name(out.name + ".pub")
    signer = ModelSigner.generate()
    signer.write(out, passphrase=passphrase_in(passphrase_env))
    signer.write_public(public)
    content = {"private_key": str(out), "public_key_file": str(public), "public_key": signer.public_key.hex()}
    report(content, as_json=as_json, render=lambda: table(content, title="A new pair of keys"))


@model.command()
def sign(
    name: ModelArgument,
    *,
    key: Annotated[Path, typer.Option("--key", "-k", help="The private key, a PEM file.")],
    version: Annotated[
        int, typer.Option("--release", "-r", min=1, help="The number of this release: higher than the last.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write a copy of the model here, and its signature beside it."),
    ] = None,
    passphrase_env: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a model: MODEL.sig appears beside it."""
    from sigverify.cli.checks import passphrase_in
    from sigverify.cli.output import report, table
    from sigverify.model_file import Model
    from sigverify.protection import signing

    loaded = Model.read(name)
    path = _place(loaded, name, out)
    signer = signing.ModelSigner.read(key, passphrase=passphrase_in(passphrase_env))
    signature = signing.sign(loaded, signer, version=version)
    signature.write(signing.signature_path(path))
    content = {
        "model": str(path),
        "signature": str(signing.signature_path(path)),
        "name": signature.name,
        "release": signature.version,
        "sha256": signature.sha256.hex(),
        "public_key": signature.public_key.hex(),
    }
    report(content, as_json=as_json, render=lambda: table(content, title="Signed"))


@model.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="MODEL_FILE", help="A .sigmodel file, its .sig beside it.")],
    *,
    trust: Annotated[
        list[Path], typer.Option("--trust", "-t", help="A public key that may sign, a PEM file. Repeatable.")
    ],
    minimum: Annotated[int, typer.Option("--minimum-release", min=1, help="Refuse older releases.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Check that a model is signed by a trusted key. Exit code 0: it is, 4: it is not."""
    from sigverify.cli.output import report, table
    from sigverify.model_file import Model
    from sigverify.protection.signing import ModelSignature, Trust, signature_path

    checked = Model.read(file)  # first: of a file that is not there, nobody looks for the signature
    signature = ModelSignature.read(signature_path(file))
    Trust.from_files(trust, minimum_version=minimum).check(checked, signature)
    content = {
        "trusted": True,
        "name": signature.name,
        "release": signature.version,
        "public_key": signature.public_key.hex(),
    }
    report(
        content, as_json=as_json, render=lambda: table(content, title=f"{file} is signed by a trusted key")
    )


@model.command()
def operations(name: ModelArgument, *, as_json: JsonOption = False) -> None:
    """List a model's operations: what each computes and weighs, and whether an Edge TPU takes it.

    Needs TensorFlow. By the published rules of the Edge TPU, not by its compiler; see `sigverify convert`.
    """
    from sigverify.cli.checks import require
    from sigverify.cli.output import report
    from sigverify.cli.quiet import quiet
    from sigverify.model_file import Model

    require(["tensorflow"], "train")
    loaded = Model.read(name)
    with quiet():
        networks = [_network("embeds", loaded.network)]
        if loaded.pair_network:
            networks.append(_network("compares a pair", loaded.pair_network))
    content = {"model": loaded.manifest.name, "id": loaded.id, "networks": networks}
    report(content, as_json=as_json, render=lambda: _operations(networks))


def _network(what: str, network: bytes) -> dict[str, Any]:
    """Return each operation of a network, and what they come to."""
    from converter import edge_tpu

    mapping = edge_tpu.check(network)
    rows = [
        {
            "name": each.name,
            "output": list(each.shapes[0]) if each.shapes else [],
            "macs": each.macs,
            "constant_bytes": each.constant_bytes,
            "edge_tpu": not reason,
            "reason": reason,
        }
        for each, (_, reason) in zip(edge_tpu.operations(network), mapping.operations, strict=True)
    ]
    return {
        "network": what,
        "bytes": len(network),
        "macs": sum(each["macs"] for each in rows),
        "constant_bytes": sum(each["constant_bytes"] for each in rows),
        "maps_whole": mapping.complete,
        "operations": rows,
    }


def _operations(networks: "list[dict[str, Any]]") -> "RenderableType":
    """Return a table for each network."""
    from rich.console import Group
    from rich.table import Table

    from sigverify.cli.output import titled, visible

    tables = []
    for each in networks:
        grid = Table.grid(padding=(0, 2))
        for _ in range(5):
            grid.add_column(no_wrap=True)
        grid.add_row("operation", "output", "MACs", "constants", "Edge TPU", style="dim")
        for row in each["operations"]:
            shape = " × ".join(map(str, row["output"]))
            numbers = f"{row['macs']:,}", f"{row['constant_bytes']:,} B"
            grid.add_row(visible(row["name"]), shape, *numbers, visible(row["reason"]) or "takes it")
        whole = "maps whole" if each["maps_whole"] else "does not map whole"
        title = f"The network that {each['network']}: {each['macs']:,} MACs, {each['bytes']:,} bytes; {whole}"
        tables.append(titled(title, grid))
    return Group(*tables)


def _place(loaded: "Model", name: str, out: Path | None) -> Path:
    """Return the file to sign, after writing it where it is wanted elsewhere."""
    from sigverify.cli.checks import check_output
    from sigverify.errors import ConfigError
    from sigverify.model_file import MAGIC, shipped_models

    if out is not None:
        check_output(out, "a model file", [MAGIC])
        loaded.write(out)
        return out
    if name in shipped_models():
        raise ConfigError(
            f"the model {name!r} ships with sigverify",
            hint=f"Sign a copy of it: add --out {name}.sigmodel to this command",
        )
    return Path(name)
