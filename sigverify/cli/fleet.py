"""`sigverify fleet`: prepare the server of a fleet, and admit kiosks."""

from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import JsonOption, KeyOption, StoreOption

if TYPE_CHECKING:
    from sigverify.store.postgres import PostgresStore

NameOption = Annotated[str, typer.Option("--kiosk", metavar="NAME", help="What the kiosk is called.")]

fleet = typer.Typer(
    name="fleet", help="Prepare the server of a fleet, and admit kiosks.", no_args_is_help=True
)


@fleet.callback()
def _group() -> None:
    """Prepare the server of a fleet, and admit kiosks."""


@fleet.command()
def init(
    store: StoreOption,
    *,
    roles: Annotated[
        bool,
        typer.Option(
            "--roles",
            help="Make database roles for kiosks, enrollment stations and administrators, each with the "
            "rights that its work needs. Say it again after an update that changes the tables.",
        ),
    ] = False,
    prefix: Annotated[
        str, typer.Option("--prefix", help="What the names of the roles begin with; of each fleet another.")
    ] = "sigverify",
    vectors: Annotated[
        bool | None,
        typer.Option(
            "--vectors/--no-vectors",
            help="Put everybody's search vectors there IN CLEAR, so that the server finds people by itself "
            "(--index server), or take them away; read docs/security.md first. Needs pgvector. Say it again "
            "after the first people are enrolled: then the graph is made.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the statements for the roles, and ask no server.")
    ] = False,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the tables of a fleet where there are none, with the role that shall own them."""
    from dataclasses import asdict

    from sigverify.cli.opening import read_key, shown
    from sigverify.cli.output import report, visible
    from sigverify.errors import ConfigError
    from sigverify.fleet.roles import Roles, make_roles, statements
    from sigverify.search.server_finder import drop_vectors, make_vectors
    from sigverify.store import is_server
    from sigverify.store.postgres import PostgresStore

    if not is_server(store):
        raise ConfigError("no server", expected="--store postgresql://…", received=store)
    names = Roles.of(prefix)
    if dry_run:
        sql = statements(names)
        report({"statements": sql}, as_json=as_json, render=lambda: sql)
        return
    graphs: dict[str, int] = {}
    with PostgresStore(store, key=read_key(key)) as opened:
        if vectors is not None:
            graphs = make_vectors(opened) if vectors else drop_vectors(opened)
        if roles:
            make_roles(opened, names)
    made = asdict(names) if roles else {}
    words = [f"Ready: {visible(shown(store))}"]
    if roles:
        words += [f"Roles: {', '.join(made.values())}"]
    words += [f"Graph: {modality}, {size} dimensions" for modality, size in graphs.items()]
    content = {"store": shown(store), "roles": made, "graphs": graphs}
    report(content, as_json=as_json, render=lambda: "\n".join(words))


@fleet.command("key")
def public_key(
    key: Annotated[
        str,
        typer.Option(
            "--key",
            metavar="FILE|env:NAME|fd:N",
            help="This kiosk's own key, made by `sigverify store keygen`; it stays here.",
        ),
    ],
    *,
    as_json: JsonOption = False,
) -> None:
    """Print the public half of a kiosk's own key, for `sigverify fleet admit`."""
    from sigverify.cli.output import report
    from sigverify.fleet.kiosk_keys import KioskKey
    from sigverify.protection.keys import Key

    public = KioskKey(Key.from_source(key)).public.hex()
    report({"public_key": public}, as_json=as_json, render=lambda: public)


@fleet.command()
def admit(
    store: StoreOption,
    kiosk: NameOption,
    public: Annotated[
        str, typer.Argument(metavar="PUBLIC_KEY", help="What `sigverify fleet key` printed at that kiosk.")
    ],
    *,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wrap the fleet's key for one kiosk, which opens it by its own: `--key kiosk:FILE` there."""
    from sigverify.cli.output import report, visible
    from sigverify.fleet.kiosk_keys import admit as admit_kiosk
    from sigverify.fleet.kiosk_keys import parse_public

    with _open(store, key) as opened:
        admit_kiosk(opened, kiosk, parse_public(public))
    report({"admitted": kiosk}, as_json=as_json, render=lambda: f"Admitted {visible(kiosk)}.")


@fleet.command()
def revoke(
    store: StoreOption, kiosk: NameOption, *, key: KeyOption = None, as_json: JsonOption = False
) -> None:
    """Take a kiosk's wrapped key away. Rekey next: what it read before it can open still."""
    from sigverify.cli.output import report, visible
    from sigverify.fleet.kiosk_keys import revoke as revoke_kiosk

    with _open(store, key) as opened:
        revoke_kiosk(opened, kiosk)
    words = f"Revoked {visible(kiosk)}. Now rekey: sigverify store rekey --new-key …"
    report({"revoked": kiosk}, as_json=as_json, render=lambda: words)


def _open(store: str, key: str | None) -> "PostgresStore":
    from sigverify.cli.opening import read_key
    from sigverify.errors import ConfigError
    from sigverify.store import is_server
    from sigverify.store.postgres import PostgresStore

    if not is_server(store):
        raise ConfigError("no server", expected="--store postgresql://…", received=store)
    return PostgresStore(store, key=read_key(key), create=False)
