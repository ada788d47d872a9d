"""The gallery beside a store: it says what the rows say, or nothing, and forgets with them."""

import itertools
import random
import shutil
import stat
import threading
from dataclasses import replace
from pathlib import Path

import faults
import numpy as np
import pytest
from builders import template

from sigverify.administration import forget
from sigverify.errors import DamagedStore
from sigverify.protection.keys import Key
from sigverify.store import MEMORY, Erasure, Mark, SqliteStore, gallery
from sigverify.store.backup import backup, restore
from sigverify.store.batch import Batch, Person
from sigverify.store.check import Damage, Part, check, repair
from sigverify.store.gallery import Place
from sigverify.store.rekey import rekey
from sigverify.store.rows import Rows

KEY, NEW_KEY = Key(bytes(range(32))), Key(bytes(range(1, 33)))
ITS = template(count=2)
NAMES = [f"user-{number}" for number in range(12)]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Keep a gallery of anybody, in parts of a few."""
    monkeypatch.setattr(gallery, "WORTH", 1)
    monkeypatch.setattr(gallery, "_PEOPLE", 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def store(path):
    with SqliteStore(path, key=KEY, timeout_s=0.2) as its:
        with its.transaction():
            for seed, name in enumerate(NAMES):
                its.put(renamed(name, seed))
        yield its


@pytest.fixture
def opened(monkeypatch):
    """Whose rows of vectors were opened."""
    found, open_vectors = [], Rows.open_vectors

    def noted(*arguments):
        its = open_vectors(*arguments)
        found.append(its.user_id)
        return its

    monkeypatch.setattr(Rows, "open_vectors", noted)
    return found


def renamed(name, seed):
    return replace(template(count=1 + seed % 3, seed=seed), user_id=name)


def everybody(store):
    """Whom the gallery gives, with their vectors."""
    return {
        person.user_id: person.vectors.tolist()
        for batch in store.prepared("pen").batches()
        for person in batch.people()
    }


def by_rows(store):
    return {change.user_id: change.vectors.tolist() for change in store.changes("pen")}


def parts(store):
    folder = store.ledger.gallery.folder
    return sorted(folder.iterdir()) if folder.is_dir() else []


def named_in_files(store):
    """Whom the files name, whatever the rows say."""
    with store.reading() as rows:
        batches = [
            store.ledger.gallery.read(place, rows, store.models()[place.modality])
            for place in (Place.read(path.name) for path in parts(store))
        ]
    return {person.user_id for batch in batches if batch is not None for person in batch.people()}


def test_says_what_the_rows_say_and_then_opens_none(store, path, opened):
    assert everybody(store) == by_rows(store)
    assert {Place.read(path.name).level for path in parts(store)} == {2}
    opened.clear()
    assert everybody(store).keys() == set(NAMES)
    with SqliteStore(path, key=KEY) as again:
        assert everybody(again).keys() == set(NAMES)
        assert opened == []
        assert everybody(again) == by_rows(again)
    assert check(store).sound


def test_only_who_changed_is_read_again(store, opened):
    everybody(store)
    store.put(renamed("user-3", 77), replace=True)
    store.put(renamed("new", 78))
    store.delete("user-5")
    opened.clear()
    found = everybody(store)
    assert sorted(opened) == ["new", "user-3"]
    assert found == by_rows(store)
    opened.clear()
    everybody(store)
    assert opened == []


def test_who_changes_while_it_is_read_comes_once_more(store):
    prepared = store.prepared("pen")
    batches = prepared.batches()
    next(batches)
    store.put(renamed("user-2", 50), replace=True)
    store.put(renamed("late", 51))
    list(batches)
    assert [change.user_id for change in store.changes("pen", prepared.mark)] == ["user-2", "late"]
    assert store.changes("pen", store.prepared("pen").mark) == []


def test_files_that_nobody_else_may_read(store):
    everybody(store)
    folder = store.ledger.gallery.folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in parts(store)} == {0o600}
    data = b"".join(path.read_bytes() for path in parts(store))
    assert b"user" not in data
    assert all(change.vectors[0].tobytes() not in data for change in store.changes("pen"))


@pytest.mark.parametrize("change", ["forget", "replace"])
def test_who_goes_goes_from_the_files_at_once(store, change, monkeypatch):
    monkeypatch.setattr(gallery, "_PEOPLE", 100)  # in one part
    everybody(store)
    before = {path: path.read_bytes() for path in parts(store)}
    nodes = {path: path.stat().st_ino for path in parts(store)}
    if change == "forget":
        assert forget(store, "user-4") is Erasure.DONE
    else:
        store.put(renamed("user-4", 99), replace=True)
    assert named_in_files(store) == set(NAMES) - {"user-4"}
    (changed,) = [path for path, content in before.items() if path.read_bytes() != content]
    # The same blocks, with other bytes in all of them.
    assert changed.stat().st_ino == nodes[changed]
    now, then = changed.read_bytes(), before[changed]
    assert not any(now[at : at + 16] == then[at : at + 16] for at in range(0, len(now), 16))
    assert check(store).sound
    assert everybody(store) == by_rows(store)


def test_each_kind_of_signature_has_parts_of_its_own(store):
    for seed in range(6):
        store.put(replace(template(count=1, seed=seed, modality="image"), user_id=f"user-{seed}"))
    everybody(store)
    assert sum(len(batch) for batch in store.prepared("image").batches()) == 6
    assert {Place.read(path.name).modality for path in parts(store)} == {"image", "pen"}
    store.delete("user-4")
    assert check(store).sound
    assert sum(len(batch) for batch in store.prepared("image").batches()) == 5
    assert named_in_files(store) >= {"user-0", "user-5"}
    assert "user-4" not in named_in_files(store)


def test_the_last_one_takes_the_file_along(store):
    everybody(store)
    for name in NAMES:
        store.delete(name)
    assert not [path for path in parts(store) if Place.read(path.name)]


def test_what_is_rolled_back_is_read_anew(store):
    everybody(store)

    def begin():
        with store.transaction():
            store.delete("user-4")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        begin()
    assert everybody(store) == by_rows(store)
    assert check(store).sound


def test_rows_that_may_never_be_committed_are_not_written(store):
    def begin():
        with store.transaction():
            store.put(renamed("never", 60))
            assert "never" in everybody(store)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        begin()
    assert not store.ledger.gallery.folder.exists()


def keep_folder(store, to):
    everybody(store)
    return shutil.copytree(store.ledger.gallery.folder, to)


class TestNotTrusted:
    def test_an_older_state(self, store, tmp_path, opened):
        older = keep_folder(store, tmp_path / "older")
        store.delete("user-1")
        store.put(renamed("user-2", 70), replace=True)
        everybody(store)
        put_back(store, older)
        opened.clear()
        assert everybody(store) == by_rows(store)
        assert opened[: opened.index("user-2") + 1] == ["user-2"]
        assert named_in_files(store) == set(NAMES) - {"user-1"}

    def test_an_older_vector_of_somebody_enrolled_as_before(self, store, tmp_path):
        """The row says the same bytes again, under another seal."""
        older = keep_folder(store, tmp_path / "older")
        store.put(renamed("user-2", 2), replace=True)
        put_back(store, older)
        assert everybody(store) == by_rows(store)

    @pytest.mark.parametrize("key", [KEY, NEW_KEY])
    def test_another_store(self, store, tmp_path, key):
        with SqliteStore(tmp_path / "other.db", key=key) as other:
            for name in NAMES:
                other.put(renamed(name, 500))
            theirs = keep_folder(other, tmp_path / "theirs")
        put_back(store, theirs)
        assert everybody(store) == by_rows(store)

    def test_a_part_in_the_place_of_another(self, store):
        everybody(store)
        first, second, *_ = parts(store)
        shutil.copy(first, second)
        assert everybody(store) == by_rows(store)

    @pytest.mark.parametrize("seed", range(12))
    def test_damage(self, store, seed):
        everybody(store)
        chance = random.Random(seed)
        for path in parts(store):
            data = bytearray(path.read_bytes())
            if seed % 3 == 0:  # a bit, a torn file, noise behind it
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            elif seed % 3 == 1:
                data = data[: chance.randrange(len(data))]
            else:
                data += chance.randbytes(1 + chance.randrange(40))
            path.write_bytes(data)
        assert everybody(store) == by_rows(store)
        assert check(store).sound

    def test_a_link_is_not_followed(self, store, tmp_path):
        everybody(store)
        precious = tmp_path / "precious"
        precious.write_bytes(b"of somebody else" * 99)
        for path in parts(store)[:1]:
            path.unlink()
            path.symlink_to(precious)
        linked = parts(store)[-1]
        linked.unlink()
        linked.hardlink_to(precious)
        assert everybody(store) == by_rows(store)
        for name in NAMES:
            store.delete(name)
        assert precious.read_bytes() == b"of somebody else" * 99

    def test_other_files_in_the_folder_stay(self, store):
        everybody(store)
        other = store.ledger.gallery.folder / "notes.TXT"
        other.write_text("mine")
        rekey(store)
        assert [path.name for path in parts(store)] == ["notes.TXT"]


def put_back(store, folder):
    shutil.rmtree(store.ledger.gallery.folder, ignore_errors=True)
    shutil.copytree(folder, store.ledger.gallery.folder)


class TestAnew:
    def test_rekeyed(self, store):
        everybody(store)
        before = by_rows(store)
        rekey(store, NEW_KEY)
        assert not store.ledger.gallery.folder.exists()
        assert everybody(store) == by_rows(store) != before

    def test_restored(self, store, path, tmp_path):
        backup(store, tmp_path / "copy.db")
        store.delete("user-1")
        everybody(store)
        restore(tmp_path / "copy.db", path, key=KEY)
        assert not store.ledger.gallery.folder.exists()
        assert "user-1" in everybody(store)
        assert everybody(store) == by_rows(store)

    def test_a_backup_has_none(self, store, tmp_path):
        everybody(store)
        backup(store, tmp_path / "copy.db")
        assert not (tmp_path / "copy.db-gallery").exists()

    def test_another_store_under_the_same_name(self, store, path):
        everybody(store)
        store.close()
        folder = store.ledger.gallery.folder
        for each in path.parent.glob("store.db*"):
            if each.is_file():
                each.unlink()
        assert folder.exists()
        with SqliteStore(path, key=KEY):
            assert not folder.exists()

    def test_more_people_in_more_parts(self, store, monkeypatch):
        everybody(store)
        monkeypatch.setattr(gallery, "_SLACK", 0)
        for seed in range(12, 60):
            store.put(renamed(f"user-{seed}", seed))
        assert everybody(store) == by_rows(store)
        assert {Place.read(path.name).level for path in parts(store)} == {4}


class TestChecked:
    def test_somebody_who_was_forgotten_is_found_in_a_part_put_back(self, store, tmp_path):
        older = keep_folder(store, tmp_path / "older")
        store.delete("user-1")
        put_back(store, older)
        (finding,) = check(store).findings
        assert (finding.part, finding.damage) == (Part.GALLERY, Damage.REMAINS)
        assert check(store).findings[0].row == finding.row
        everybody(store)
        assert check(store).sound

    def test_a_part_that_does_not_open(self, store):
        everybody(store)
        parts(store)[1].write_bytes(b"half")
        (finding,) = check(store).findings
        assert finding.row == parts(store)[1].name
        assert repair(store).sound
        assert not store.ledger.gallery.folder.exists()


class TestWhereNothingCanBeWritten:
    def test_a_store_that_is_only_read(self, store, path, opened):
        everybody(store)
        store.delete("user-1")
        store.put(renamed("new", 80))
        before = [each.read_bytes() for each in parts(store)]
        with SqliteStore(path, key=KEY, create=False, read_only=True) as reader:
            opened.clear()
            found = everybody(reader)
            assert opened == ["new"]
            assert found == by_rows(reader)
        assert [each.read_bytes() for each in parts(store)] == before

    def test_a_folder_in_which_nothing_can_be_made(self, store):
        store.ledger.gallery.folder.write_text("a file is in the way")
        store.delete("user-1")
        assert store.prepared("pen") is not None
        assert everybody(store) == by_rows(store)

    def test_what_cannot_be_overwritten_is_said_and_made_good(self, store, monkeypatch):
        everybody(store)
        with monkeypatch.context() as broken:
            for name in ("overwrite_private", "wipe"):
                broken.setattr(gallery, name, _refuse)
            assert forget(store, "user-4") is Erasure.PENDING
            assert "user-4" in named_in_files(store)
            rekey(store)
            assert store.erasure() is Erasure.PENDING
        store.touch("user-5")
        assert store.erasure() is Erasure.DONE
        assert not store.ledger.gallery.folder.exists()

    def test_somebody_else_is_writing_for_long(self, store, path):
        with SqliteStore(path, key=KEY) as other, other.transaction():
            assert everybody(store) == by_rows(store)
        assert not store.ledger.gallery.folder.exists()


def _refuse(*_arguments, **_options):
    raise OSError(30, "Read-only file system")


def test_no_gallery_of_a_store_in_memory_nor_of_few(monkeypatch, path):
    monkeypatch.setattr(gallery, "WORTH", 3)
    with SqliteStore(MEMORY) as one, SqliteStore(path, key=KEY) as other:
        for store in (one, other):
            for name in NAMES[:2]:
                store.put(renamed(name, 1))
            assert store.prepared("pen") is None
        other.put(renamed("third", 1))
        assert other.prepared("pen") is not None
        # A name that could lead out of the folder names no file.
        assert not other.ledger.gallery.is_kept("../pen", 99)


def test_nobody_is_written_back_who_is_being_forgotten(store, path):
    assert len(store) == len(NAMES)
    wrong, stop = [], threading.Event()

    def keep_reading():
        with SqliteStore(path, key=KEY, timeout_s=20) as other:
            while not stop.is_set():
                everybody(other)

    reader = threading.Thread(target=keep_reading)
    reader.start()
    with SqliteStore(path, key=KEY, timeout_s=20) as own:
        for turn in range(25):
            name = NAMES[turn % len(NAMES)]
            own.delete(name)
            if name in named_in_files(own):
                wrong.append(turn)
            own.put(renamed(name, turn))
    stop.set()
    reader.join()
    assert wrong == []


# An exception at the very end of a `with` leaves a file for the interpreter to close, which it warns of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupted_anywhere_nobody_who_is_gone_stays_in_it(store):
    """An exception at any line of what writes files, while somebody is replaced and somebody forgotten."""
    files = tuple(
        str(faults.SHIPPED / each)
        for each in ("store/gallery.py", "store/batch.py", "store/ledger.py", "protection/private_file.py")
    )

    def change():
        with store.transaction():
            store.put(renamed("user-2", 90), replace=True)
            store.delete("user-3")

    def begin():
        if "user-3" not in store.users():
            store.put(renamed("user-3", 3))
        everybody(store)

    begin()
    lines = faults.lines_of(change, files)
    assert len(lines) > 60
    for line in lines[::3]:
        begin()
        before = by_rows(store)
        assert faults.interrupt(change, line, files).raised is not None
        assert by_rows(store) == before or "user-3" not in named_in_files(store)
        assert everybody(store) == by_rows(store)
        assert check(store).sound


class TestLong:
    CONTENT = random.Random(0).randbytes(1000)

    @pytest.fixture(autouse=True)
    def in_pieces(self, monkeypatch):
        monkeypatch.setattr(gallery, "_PIECE", 300)

    def test_comes_back_whole(self, store):
        prepared = store.prepared("pen")
        for content in (self.CONTENT, self.CONTENT[:300], b""):
            prepared.keep("graph", content)
            assert prepared.read("graph") == content
        assert prepared.read("other") is None

    def test_not_in_pieces_of_two_nor_damaged(self, store):
        prepared = store.prepared("pen")
        prepared.keep("graph", self.CONTENT)
        (path,) = parts(store)
        one = path.read_bytes()
        prepared.keep("graph", self.CONTENT[::-1])
        other = path.read_bytes()
        assert len(one) == len(other)
        length = 4 + int.from_bytes(one[:4], "little")
        for wrong in (
            one[:length] + other[length:],
            one[length:],
            one[:-1],
            one[: 2 * length],
            one + one,
            one[:9] + bytes([one[9] ^ 1]) + one[10:],
            b"",
        ):
            path.write_bytes(wrong)
            assert prepared.read("graph") is None
        path.write_bytes(one)
        assert prepared.read("graph") == self.CONTENT
        rekey(store)
        assert prepared.read("graph") is None


def test_a_batch_as_bytes_and_as_people():
    seals = bytes(12), b"\1" * 12
    people = [
        Person(bytes([number]) * 16, seal, name, np.full((number, 4), number, np.float16))
        for number, seal, name in ((2, seals[0], "änne"), (1, seals[1], "b"))
    ]
    again = Batch.from_bytes(Batch.of(people).to_bytes())
    assert [person.user_id for person in again.people()] == ["b", "änne"]
    assert [person.seal for person in again.people()] == [seals[1], seals[0]]
    assert [person.vectors.tolist() for person in again.people()] == [[[1] * 4], [[2] * 4] * 2]
    (other,) = again.where(again.others({bytes([1]) * 16})).people()
    assert (other.user_id, other.vectors.tolist()) == ("änne", [[2] * 4] * 2)
    nobody = Batch.of([])
    assert nobody.people() == []
    assert len(Batch.from_bytes(nobody.to_bytes())) == 0
    for wrong in (b"short", nobody.to_bytes() + b"more", again.to_bytes()[:-1]):
        with pytest.raises(DamagedStore):
            Batch.from_bytes(wrong)


def test_marks_follow_everything_of_a_revision():
    assert Mark(3, b"\xff" * 16, "pen") < Mark(3, b"\xff" * 17) < Mark(4, bytes(16))


def test_places_cover_all_subjects_once():
    for level in (0, 1, 5, 12):
        ranges = [Place("pen", level, number).range for number in range(1 << level)]
        assert ranges[0][0] == bytes(16)
        assert ranges[-1][1] == b"\xff" * 16
        for (_, last), (first, _) in itertools.pairwise(ranges):
            assert int.from_bytes(last) + 1 == int.from_bytes(first)
        for subject in (bytes(16), b"\x12\x34" + bytes(14), b"\xff" * 16):
            low, high = Place.of("pen", level, subject).range
            assert low <= subject <= high
    assert Path(Place("pen", 12, 4095).file).name == "pen-c-fff"
