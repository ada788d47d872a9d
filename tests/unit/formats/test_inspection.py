import pytest
from sdi_records import MINIMAL, of

from sigverify.errors import FormatError, InvalidSignature, UnknownFormat
from sigverify.formats import Quantity, plain_csv
from sigverify.formats.inspection import inspect
from sigverify.modality.pen.signature import Signature

SIGNATURE = Signature(range(9), range(9), range(0, 90, 10))


def test_a_signature():
    found = inspect(plain_csv.encode(SIGNATURE))
    assert (found.format.name, found.signature, found.error, found.fields) == ("csv", SIGNATURE, None, ())
    assert found.recording.format == "csv"


def test_a_recording_that_is_no_signature():
    found = inspect(of(MINIMAL))
    assert found.recording[Quantity.X].tolist() == [-1, 0, 1]
    assert found.signature is None
    assert isinstance(found.error, InvalidSignature)
    assert [field.name for field in found.fields][:2] == ["format identifier", "version"]


def test_a_damaged_file(tmp_path):
    path = tmp_path / "cut.sdi"
    path.write_bytes(of(MINIMAL)[:30])
    for source in (path, str(path), path.read_bytes()):
        found = inspect(source)
        assert (found.format.name, found.recording, found.signature) == ("iso19794_7", None, None)
        assert isinstance(found.error, FormatError)
        assert found.fields[-1].problem.startswith("cut off")


def test_what_no_format_recognizes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"dear diary")
    with pytest.raises(UnknownFormat, match=r"^.*a.txt: not a signature file"):
        inspect(path)
    with pytest.raises(FormatError, match="cannot read"):
        inspect(tmp_path / "absent")
    with pytest.raises(FormatError, match="too large"):
        inspect(bytes(64 * 2**20 + 1))
