"""`sigverify station`: the keys of enrollment stations, and templates that they sign."""

from pathlib import Path
from typing import Annotated

import typer

from sigverify.cli.options import JsonOption, KeyOption, PassphraseOption, StationsOption, StoreOption

station = typer.Typer(
    name="station", help="Make keys of enrollment stations, and sign templates.", no_args_is_help=True
)


@station.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(metavar="KEY_FILE", help="A new file; only you may read it.")],
    *,
    name: Annotated[str, typer.Option("--name", help="What the station is called in the list.")] = "station",
    passphrase_env: PassphraseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the key of an enrollment station, and print the line that the list of stations needs.

    The key stays at the station; the line goes into the list of every device. A passphrase is asked for in
    SIGVERIFY_STATION_PASSPHRASE wherever the key is used.
    """
    from sigverify.cli.checks import passphrase_in
    from sigverify.cli.output import report, table, visible
    from sigverify.protection.signing import ModelSigner
    from sigverify.protection.stations import Station

    signer = ModelSigner.generate()
    line = str(Station(public_key=signer.public_key, name=name))
    signer.write(file, passphrase=passphrase_in(passphrase_env))
    content = {"key_file": str(file), "line": line}
    report(
        content,
        as_json=as_json,
        render=lambda: table({"key": visible(str(file)), "for the list": visible(line)}),
    )


@station.command()
def sign(
    store: StoreOption,
    stations: StationsOption = None,
    *,
    station_key: Annotated[
        Path, typer.Option("--station-key", metavar="FILE", help="The key of this enrollment station.")
    ],
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="Only this person's templates; without, all.")
    ] = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign templates that no trusted station signed, as they stand in the store.

    Whoever can write the store may have put them there: sign only what you know to be right.
    """
    from sigverify.administration import sign as sign_templates
    from sigverify.cli.opening import open_store, read_stations
    from sigverify.cli.output import report
    from sigverify.errors import ConfigError

    trusted = read_stations(stations, station_key)
    if trusted is None:
        raise ConfigError("no key of a station", expected="--station-key FILE")
    with open_store(store, key=key) as opened:
        count = sign_templates(opened, trusted, user)
    report({"templates": count}, as_json=as_json, render=lambda: f"Signed {count} templates.")
