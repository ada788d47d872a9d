import stat
import subprocess
from dataclasses import replace
from shutil import which

import pytest
from builders import model

from sigverify.errors import ConfigError, ModelError, UntrustedModel
from sigverify.protection.signing import (
    ModelSignature,
    ModelSigner,
    Trust,
    read_public_key,
    sign,
    signature_path,
)

MODEL = model(name="base")
OTHER = model(name="base", encoder="other")


@pytest.fixture(scope="module")
def signer():
    return ModelSigner.generate()


@pytest.fixture(scope="module")
def trust(signer):
    return Trust(public_keys=(signer.public_key,))


def test_a_signed_model_is_trusted(signer, trust):
    signature = sign(MODEL, signer, version=3)
    trust.check(MODEL, signature)
    assert (signature.name, signature.version) == ("base", 3)


def test_bytes_there_and_back(signer):
    signature = sign(MODEL, signer, version=3)
    assert ModelSignature.from_bytes(signature.to_bytes()) == signature


def test_the_layout_is_the_one_described(signer):
    data = sign(MODEL, signer, version=3).to_bytes()
    assert data[:16] == b"SIGMSIGN" + b"\1\0" + b"\4\0" + b"\3\0\0\0"
    assert data[16:24].hex() == MODEL.id
    assert data[48:80] == signer.public_key
    assert data[80:84] == b"base"
    assert len(data) == 84 + 64


def test_another_model_is_refused(signer, trust):
    with pytest.raises(UntrustedModel, match="of another model file"):
        trust.check(OTHER, sign(MODEL, signer, version=3))


def test_another_key_is_refused(trust):
    with pytest.raises(UntrustedModel, match="unknown key"):
        trust.check(MODEL, sign(MODEL, ModelSigner.generate(), version=3))


def test_a_trusted_key_in_the_place_of_the_own_is_refused(signer, trust):
    forged = replace(sign(MODEL, ModelSigner.generate(), version=3), public_key=signer.public_key)
    with pytest.raises(UntrustedModel, match="signature of the model is wrong"):
        trust.check(MODEL, forged)


def test_any_altered_byte_is_refused(signer, trust):
    data = sign(MODEL, signer, version=3).to_bytes()
    for at in range(len(data)):
        altered = bytearray(data)
        altered[at] ^= 1
        with pytest.raises(UntrustedModel):
            trust.check(MODEL, ModelSignature.from_bytes(bytes(altered)))


def test_the_signature_means_nothing_without_its_domain(signer, trust):
    signature = sign(MODEL, signer, version=3)
    bare = replace(signature, signature=signer.sign(signature.to_bytes()[:-64]))
    with pytest.raises(UntrustedModel, match="signature of the model is wrong"):
        trust.check(MODEL, bare)


@pytest.mark.parametrize("length", [0, 1, 79, 80, 84, 147])
def test_half_a_file_is_refused(signer, length):
    with pytest.raises(UntrustedModel):
        ModelSignature.from_bytes(sign(MODEL, signer, version=3).to_bytes()[:length])


def test_trailing_bytes_are_refused(signer):
    with pytest.raises(UntrustedModel, match="truncated or malformed"):
        ModelSignature.from_bytes(sign(MODEL, signer, version=3).to_bytes() + b"x")
    with pytest.raises(UntrustedModel):
        ModelSignature.from_bytes(sign(MODEL, signer, version=3).to_bytes() + bytes(10_000))


def test_older_releases_are_refused(signer):
    trust = Trust(public_keys=(signer.public_key,), minimum_version=2)
    with pytest.raises(UntrustedModel, match="version 2 or newer; received version 1"):
        trust.check(MODEL, sign(MODEL, signer, version=1))
    second = sign(MODEL, signer, version=2)
    trust.check(MODEL, second, seen=2)
    with pytest.raises(UntrustedModel, match="version 3 or newer"):
        trust.check(MODEL, second, seen=3)


def test_another_name_is_refused(signer):
    trust = Trust(public_keys=(signer.public_key,), name="kiosk")
    with pytest.raises(UntrustedModel, match="another name"):
        trust.check(MODEL, sign(MODEL, signer, version=1))
    renamed = model(name="kiosk")
    trust.check(renamed, sign(renamed, signer, version=1))


def test_either_of_two_keys_will_do(signer):
    new = ModelSigner.generate()
    trust = Trust(public_keys=(signer.public_key, new.public_key))
    trust.check(MODEL, sign(MODEL, signer, version=1))
    trust.check(MODEL, sign(MODEL, new, version=1))


@pytest.mark.parametrize(
    "changes", [{"public_keys": ()}, {"public_keys": (b"short",)}, {"minimum_version": 0}]
)
def test_trust_in_nothing_is_refused(signer, changes):
    with pytest.raises(ConfigError):
        Trust(**{"public_keys": (signer.public_key,)} | changes)


@pytest.mark.parametrize("version", [0, -1, 2**32])
def test_versions_out_of_range(signer, version):
    with pytest.raises(ConfigError, match="version out of range"):
        sign(MODEL, signer, version=version)


def test_a_name_too_long_to_sign(signer):
    with pytest.raises(ConfigError, match="too long to sign"):
        sign(model(name="n" * 2000), signer, version=1)


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_keys_in_files(tmp_path, signer, passphrase):
    path = tmp_path / "key.pem"
    signer.write(path, passphrase=passphrase)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ModelSigner.read(path, passphrase=passphrase).public_key == signer.public_key
    with pytest.raises(ConfigError, match="there already"):
        signer.write(path)
    with pytest.raises(ConfigError, match="cannot read a private key"):
        ModelSigner.read(path, passphrase=f"not {passphrase}")
    signer.write_public(tmp_path / "key.pub.pem")
    assert read_public_key(tmp_path / "key.pub.pem") == signer.public_key
    assert Trust.from_files([tmp_path / "key.pub.pem"]).public_keys == (signer.public_key,)


def test_a_private_key_others_may_read_is_refused(tmp_path, signer):
    signer.write(tmp_path / "key.pem")
    (tmp_path / "key.pem").chmod(0o640)
    with pytest.raises(ConfigError, match="mode 0600"):
        ModelSigner.read(tmp_path / "key.pem")


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff" * 100, None])
@pytest.mark.parametrize("read", [read_public_key, ModelSigner.read])
def test_files_without_a_key(tmp_path, content, read):
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(ConfigError, match="cannot read"):
        read(path)


def test_a_private_key_is_no_public_key(tmp_path, signer):
    signer.write(tmp_path / "key.pem")
    with pytest.raises(ConfigError, match="public key"):
        read_public_key(tmp_path / "key.pem")


def test_a_key_of_another_kind(tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import x25519

    key = x25519.X25519PrivateKey.generate()
    form = serialization
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="another kind"):
        ModelSigner.read(path)
    path.write_bytes(key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigError, match="another kind"):
        read_public_key(path)


@pytest.mark.skipif(which("openssl") is None, reason="no openssl command here")
def test_keys_of_openssl(tmp_path):
    private, public = tmp_path / "key.pem", tmp_path / "pub.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    private.chmod(0o600)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    signer = ModelSigner.read(private)
    assert read_public_key(public) == signer.public_key
    Trust.from_files([public]).check(MODEL, sign(MODEL, signer, version=1))


def test_a_private_key_is_never_shown(signer):
    secret = signer._private.private_bytes_raw()
    assert secret.hex() not in repr(signer)
    assert signer.public_key.hex() in repr(signer)


def test_signature_files(tmp_path, signer):
    path = signature_path(tmp_path / "base.sigmodel")
    signature = sign(MODEL, signer, version=3)
    signature.write(path)
    assert ModelSignature.read(path) == signature
    replace(signature, version=4).write(path)
    assert ModelSignature.read(path).version == 4
    assert [each.name for each in tmp_path.iterdir()] == ["base.sigmodel.sig"]
    with pytest.raises(UntrustedModel, match="no signature that can be read"):
        ModelSignature.read(tmp_path / "missing.sig")
    with pytest.raises(UntrustedModel):
        ModelSignature.read("a\0b")
    with pytest.raises(ModelError, match="cannot be written"):
        signature.write(tmp_path / "missing" / "base.sigmodel.sig")


class Hardware:
    """A key in a module of its own: the seam that `sign` asks for."""

    def __init__(self, signer):
        self._signer = signer
        self.public_key = signer.public_key

    def sign(self, message):
        return self._signer.sign(message)


def test_a_key_in_hardware_signs_too(signer, trust):
    trust.check(MODEL, sign(MODEL, Hardware(signer), version=1))


def test_keys_that_others_could_replace_are_not_read_and_not_made(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    signer = ModelSigner.generate()
    signer.write(folder / "signing.pem")
    signer.write_public(folder / "signing.pem.pub")
    folder.chmod(0o777)
    for use in (
        lambda: ModelSigner.read(folder / "signing.pem"),
        lambda: Trust.from_files([folder / "signing.pem.pub"]),
        lambda: signer.write(folder / "other.pem"),
    ):
        with pytest.raises(ConfigError, match="others could put another file in place"):
            use()
    assert not (folder / "other.pem").exists()
    folder.chmod(0o1777)
    ModelSigner.read(folder / "signing.pem")
