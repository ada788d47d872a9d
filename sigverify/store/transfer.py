"""One template as sealed bytes, to be enrolled on another device: `export_template`, `import_template`.

Magic "SIGX" (4) · version (2, little endian) · salt (16) · the template sealed under a transport key, in the
model's own coordinates: the other store turns it by its own renewal. Whoever has the transport key can read
it, so give each pair of devices, or each transfer, a key of its own.
"""

import secrets
import struct
from typing import Final

from sigverify.errors import DamagedStore, MalformedTemplate, WrongKey
from sigverify.protection.keys import Key
from sigverify.protection.sealing import SALT_BYTES, Sealer
from sigverify.store.rekey import change_renewal
from sigverify.store.store import Store
from sigverify.template import Template, check_visible

MAGIC: Final = b"SIGX"
VERSION: Final = 1

_HEAD: Final = struct.Struct(f"<4sH{SALT_BYTES}s")


def export_template(store: Store, user_id: str, modality: str, key: Key) -> bytes:
    """Return the template of `user_id` of that modality, sealed under the transport key.

    Raises:
        UnknownUser: nobody of that id is enrolled by that modality.
    """
    template = change_renewal(store.get(user_id, modality), store.renewal, None)
    salt = secrets.token_bytes(SALT_BYTES)
    return _HEAD.pack(MAGIC, VERSION, salt) + Sealer(key, salt).seal("transfer", template.to_bytes(), VERSION)


def import_template(store: Store, data: bytes, key: Key, *, replace: bool = False) -> Template:
    """Enroll the template in `data`, and return it as it is stored.

    Raises:
        MalformedTemplate: these bytes are no export, or of another version.
        WrongKey: another transport key, or altered on the way.
        AlreadyEnrolled: the user is there and `replace` is False.
        ConfigError: the user id has characters that nobody sees.
        StoreError: the store holds templates of another model.
    """
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        raise MalformedTemplate("these bytes are no exported template", expected=f"{MAGIC!r} and a header")
    _, version, salt = _HEAD.unpack_from(data)
    if version != VERSION:
        raise MalformedTemplate(
            "exported template of another version", expected=str(VERSION), received=str(version)
        )
    try:
        content = Sealer(key, salt).open("transfer", data[_HEAD.size :], version)
    except DamagedStore:
        raise WrongKey(
            "the transport key does not open this template",
            expected="the key it was exported with",
            hint="If it is that one, the bytes were altered on the way: export again",
        ) from None
    template = change_renewal(Template.from_bytes(content), None, store.renewal)
    check_visible(template.user_id)
    store.put(template, replace=replace)
    return store.get(template.user_id, template.modality)
