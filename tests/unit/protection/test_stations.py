from dataclasses import replace
from datetime import timedelta

import pytest
from builders import template

from sigverify.errors import ConfigError, MalformedTemplate, UntrustedTemplate
from sigverify.protection.signing import ModelSigner
from sigverify.protection.stations import Station, Stations, Unsigned
from sigverify.template import Template, pack_signed, unpack_signed

KEY, OTHER = ModelSigner.generate(), ModelSigner.generate()


def station(key=KEY, **options):
    return Station(public_key=key.public_key, name="counter 1", **options)


def reason(stations, its):
    with pytest.raises(UntrustedTemplate) as refused:
        stations.check(its)
    assert not stations.trusts(its)
    return refused.value.reason


@pytest.fixture
def its():
    return Stations([station(), station(OTHER)], key=KEY, clock=lambda: 1.5)


def test_what_a_station_signed_is_believed(its):
    signed = its.sign(template("alice", 5))
    assert len(signed.signature) == 81
    assert its.check(signed).name == "counter 1"
    assert Stations([station()]).trusts(unpack_signed(pack_signed(signed)))
    assert "signs" in repr(its)


def test_every_bit_of_the_signature_counts(its):
    signed = its.sign(template("alice", 1))
    for at in range(8 * len(signed.signature)):
        changed = bytearray(signed.signature)
        changed[at // 8] ^= 1 << at % 8
        assert not its.trusts(replace(signed, signature=bytes(changed)))


@pytest.mark.parametrize("size", [0, 1, 80, 82, 256])
def test_a_signature_of_another_size_is_none(its, size):
    signed = its.sign(template("alice", 1))
    padded = (signed.signature + bytes(256))[:size]
    assert reason(its, replace(signed, signature=padded)) == Unsigned.NO_SIGNATURE


def test_it_is_of_this_template_alone(its):
    signed = its.sign(template("alice", 5))
    others = [
        replace(signed, user_id="mallory"),
        replace(signed, model_id="0" * 16),
        replace(signed, modality="image"),
        replace(signed, created=signed.created + timedelta(milliseconds=1)),
        replace(signed, references=signed.references.take(range(4)), spread=signed.spread[:4, :4]),
        replace(signed, spread=signed.spread + 1),
        replace(template("mallory", 5), signature=signed.signature),
    ]
    assert [reason(its, each) for each in others] == [Unsigned.OTHER_TEMPLATE] * len(others)


def test_the_spelling_of_a_name_is_no_other_name(its):
    signed = its.sign(template("Zoë", 1))
    assert its.trusts(replace(signed, user_id="Zoe\u0308"))


def test_whose_signature_counts(its):
    signed = its.sign(template("alice", 1))
    assert reason(Stations([station(OTHER)]), signed) == Unsigned.UNKNOWN_STATION
    assert reason(Stations([station(revoked=True), station(OTHER)]), signed) == Unsigned.STATION_REVOKED
    # A key id alone is no proof: it names the key by which the rest is checked.
    renamed = its.sign(template("alice", 1)).signature
    foreign = renamed[:1] + station(OTHER).key_id + renamed[9:]
    assert reason(its, replace(signed, signature=foreign)) == Unsigned.OTHER_TEMPLATE


def test_who_has_no_key_signs_nothing():
    with pytest.raises(UntrustedTemplate, match="enrolls nobody"):
        Stations([station()]).sign(template("alice", 1))


def test_a_key_alone_trusts_itself():
    its = Stations(key=KEY)
    assert its.trusts(its.sign(template("alice", 1)))
    assert not its.trusts(Stations(key=OTHER).sign(template("alice", 1)))


@pytest.mark.parametrize(
    "make",
    [
        Stations,
        lambda: Stations([station(), station()]),
        lambda: Stations([station()], key=OTHER),
        lambda: Stations([station(revoked=True)], key=KEY),
        lambda: Station(public_key=b"short", name="a"),
    ],
)
def test_lists_that_are_none(make):
    with pytest.raises(ConfigError):
        make()


def test_the_file(tmp_path):
    path = tmp_path / "stations"
    path.write_text(f"# whose\n\n{station()}\n  revoked {OTHER.public_key.hex()}   counter 2, stolen  \n")
    path.chmod(0o644)
    its = Stations.from_file(path, key=KEY)
    assert its.trusts(its.sign(template("alice", 1)))
    assert reason(its, Stations(key=OTHER).sign(template("alice", 1))) == Unsigned.STATION_REVOKED


@pytest.mark.parametrize(
    "content",
    [
        "", "#\n", "alice\n", "ab" * 31 + " a\n", "ab" * 32 + "\n", "AB" * 32 + " a\n",
        "trusted " + "ab" * 32 + " a", "\0", "revoked\n",
    ],
)  # fmt: skip
def test_a_file_that_is_no_list(tmp_path, content):
    path = tmp_path / "stations"
    path.write_text(content)
    with pytest.raises(ConfigError):
        Stations.from_file(path)


def test_a_file_of_bytes_or_none_or_endless(tmp_path):
    (tmp_path / "bytes").write_bytes(b"\xff" * 100)
    for path in (tmp_path / "bytes", tmp_path / "none", tmp_path, "/dev/zero", "a\0b"):
        with pytest.raises(ConfigError):
            Stations.from_file(path)


def test_a_list_that_others_may_write(tmp_path):
    path = tmp_path / "stations"
    path.write_text(f"{station()}\n")
    path.chmod(0o664)
    with pytest.raises(ConfigError, match="others may write"):
        Stations.from_file(path)
    path.chmod(0o600)
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    path.rename(folder / "stations")
    with pytest.raises(ConfigError, match="others may write"):
        Stations.from_file(folder / "stations")


def test_what_stands_behind_a_template_is_bounded_and_no_part_of_it():
    plain = template("alice", 1)
    assert replace(plain, signature=bytes(81)).to_bytes() == plain.to_bytes()
    assert unpack_signed(pack_signed(plain)).signature == b""
    with pytest.raises(MalformedTemplate):
        unpack_signed(plain.to_bytes() + bytes(257))
    for cut in (0, 3, 20, 60, len(plain.to_bytes()) - 1):
        with pytest.raises(MalformedTemplate):
            unpack_signed(plain.to_bytes()[:cut])
    with pytest.raises(MalformedTemplate):
        Template.from_bytes(plain.to_bytes() + b"x")
