"""`sigverify model`: sign model files, and check their signatures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from sigverify.model_file import Model

model = typer.Typer(name="model", help="Sign model files, and check their signatures.", no_args_is_help=True)

ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A .sigmodel file, or the name of a model that ships.")
]
PassphraseOption = Annotated[
    str | None,
    typer.Option(
        "--passphrase-env", metavar="NAME", help="The environment variable with the passphrase of the key."
    ),
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
    from sigverify.cli.output import report, table
    from sigverify.protection.signing import ModelSigner

    public = out.with_name(out.name + ".pub")
    signer = ModelSigner.generate()
    signer.write(out, passphrase=_passphrase(passphrase_env))
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
    from sigverify.cli.output import report, table
    from sigverify.model_file import Model
    from sigverify.protection import signing

    loaded = Model.read(name)
    path = _place(loaded, name, out)
    signer = signing.ModelSigner.read(key, passphrase=_passphrase(passphrase_env))
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

    signature = ModelSignature.read(signature_path(file))
    Trust.from_files(trust, minimum_version=minimum).check(Model.read(file), signature)
    content = {
        "trusted": True,
        "name": signature.name,
        "release": signature.version,
        "public_key": signature.public_key.hex(),
    }
    report(
        content, as_json=as_json, render=lambda: table(content, title=f"{file} is signed by a trusted key")
    )


def _place(loaded: "Model", name: str, out: Path | None) -> Path:
    """Return the file to sign, after writing it where it is wanted elsewhere."""
    from sigverify.errors import ConfigError
    from sigverify.model_file import shipped_models

    if out is not None:
        loaded.write(out)
        return out
    if name in shipped_models():
        raise ConfigError(
            f"the model {name!r} ships with sigverify", hint=f"Sign a copy: --out {name}.sigmodel"
        )
    return Path(name)


def _passphrase(variable: str | None) -> str | None:
    import os

    from sigverify.errors import ConfigError

    if variable is None:
        return None
    if not (value := os.environ.get(variable)):
        raise ConfigError("no passphrase", expected=f"it in the environment variable {variable}")
    return value
