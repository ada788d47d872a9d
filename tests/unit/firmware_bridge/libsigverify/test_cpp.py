"""sigverify.hpp: firmware in C++ decides as Python does, and nothing but the C calls allocates."""

import re
import shutil
import struct
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from builders import signature
from native_core import OUTCOMES, REASONS, NativeVerifier

from firmware_bridge.libsigverify.build import INCLUDE
from sigverify import Policy, Template, Verifier, read_signature
from sigverify.errors import RuntimeUnavailable
from sigverify.runtime.native.embedder import litert_library

TESTS = Path(__file__).parents[3]
PROGRAM = TESTS / "support" / "native" / "from_cpp.cpp"
GOLDEN = TESTS / "golden"
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow")
CREATED = datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)
REFERENCES = 5


def cxx(name):
    if shutil.which(name) is None:
        pytest.skip(f"no {name} here (Debian: apt install {'clang' if 'clang' in name else 'g++'})")
    return name


@pytest.fixture(scope="module")
def program(library_path, tmp_path_factory):
    target = tmp_path_factory.mktemp("cpp") / "from_cpp"
    place = [f"-I{INCLUDE}", "-o", target, PROGRAM, library_path, f"-Wl,-rpath,{library_path.parent}"]
    subprocess.run([cxx("c++"), "-std=c++17", *STRICT, "-O1", *place], check=True)
    return target


@pytest.fixture(scope="module")
def litert():
    try:
        return litert_library()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def run(program, litert, base, tmp_path):
    """Return a function from captures, of which the first are enrolled, to the lines that C++ prints."""
    model, captures, template = tmp_path / "model", tmp_path / "captures", tmp_path / "template"
    model.write_bytes(base.to_bytes())

    def run(signatures, *more):
        captures.write_bytes(b"".join([struct.pack("=Q", len(signatures)), *map(packed, signatures)]))
        command = [program, model, litert, captures, REFERENCES, template, *more]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines(), template

    return run


def packed(its):
    arrays = [its.x, its.y, its.time_ms, *([] if its.pressure is None else [its.pressure])]
    content = b"".join(np.asarray(each, "=f8").tobytes() for each in arrays)
    return struct.pack("=QQ", len(its), its.pressure is not None) + content + its.ink.tobytes()


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_it_compiles_without_a_warning_without_exceptions(compiler, standard, tmp_path):
    (tmp_path / "own.cpp").write_text("#include <sigverify.hpp>\n")
    lean = ("-fno-exceptions", "-fno-rtti", "-fsyntax-only")
    for source in (PROGRAM, tmp_path / "own.cpp"):
        subprocess.run(
            [cxx(compiler), f"-std={standard}", *STRICT, *lean, f"-I{INCLUDE}", source], check=True
        )


def test_a_decision_is_no_condition(tmp_path):
    source = tmp_path / "careless.cpp"
    source.write_text(
        "#include <sigverify.hpp>\n"
        "bool opens(sigverify::Verifier &v, sigverify::Template &t, sv_signature &s)\n"
        "{ if (v.verify(t, s)) return true; return false; }\n"
    )
    command = [cxx("c++"), "-std=c++17", "-fsyntax-only", f"-I{INCLUDE}", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Result<sv_decision>" in done.stderr
    assert "bool" in done.stderr
    source.write_text(
        source.read_text().replace("if (v.verify(t, s))", "if (v.verify(t, s).value().accepted)")
    )
    subprocess.run(command, check=True)


def test_decisions_are_those_of_c_and_of_python(run, base, library, litert):
    enrolled = [signature(0, number) for number in range(REFERENCES)]
    files = [read_signature(GOLDEN / f"{name}.csv") for name in ("genuine", "forged")]
    probes = [signature(0, 8), signature(0, 9), signature(3, 1), enrolled[0], *files]
    lines, template = run([*enrolled, *probes])

    native = NativeVerifier(library, base, litert)
    kept = native.enroll("alice", enrolled, created=CREATED)
    assert template.read_bytes() == kept.to_bytes()
    assert lines[:REFERENCES] == ["addition 0"] * REFERENCES
    cues = len(base.manifest.cues)
    assert lines[REFERENCES] == f"alice {base.id} {REFERENCES} 1700000000250 {cues}"
    decided = [line.split() for line in lines if re.match(r"[01] [012] \d ", line)]
    with Verifier.open(":memory:", model=base, policy=Policy(per_user=None, per_device=None)) as python:
        python.enroll("alice", enrolled)
        for probe, (accepted, outcome, reason, score, threshold, confidence, _) in zip(
            probes, decided, strict=True
        ):
            its = native.verify(kept, probe, fmr=0.01, refer_fmr=0.1)
            assert (OUTCOMES[int(outcome)], REASONS[int(reason)]) == (its.outcome, its.reason)
            said = [float(score), float(threshold), float(confidence)]
            assert [None if np.isnan(each) else each for each in said] == [
                its.score, its.threshold, its.confidence,
            ]  # fmt: skip
            assert bool(int(accepted)) is its.accepted
            expected = python.verify("alice", probe, fmr=0.01, refer_fmr=0.1)
            assert (its.outcome, its.reason) == (expected.outcome, expected.reason)
            assert its.score == pytest.approx(expected.score, abs=1e-4)
    assert [each[0] for each in decided[:2]] == ["1", "1"]
    assert "0" in [each[0] for each in decided]


EVERY_CALL = """
#include <sigverify.hpp>
using namespace sigverify;
int every_call(Span<const std::uint8_t> file, Span<std::uint8_t> room, const char *path, Span<const double> x)
{
    sv_match matches[2];
    sv_addition additions[2];
    const sv_signature pair[] = {signature(x, x, x, x, {}).value(), signature(x, x, x).value()};
    auto model = Model::open(file);
    auto litert = Litert::open(path, model.value());
    auto verifier = Verifier::open(model.value(), litert.value().network());
    auto enrolled = verifier.value().enroll("alice", 0, pair, additions, SV_RECORD);
    auto kept = Template::read(enrolled.value().write(room.first(enrolled.value().size())).value());
    Template moved = std::move(kept).value();
    const sv_template *all[] = {moved.c()};
    auto found = verifier.value().identify(all, pair[0], matches, 0.01);
    return verifier.value().verify(moved, pair[0], sv_policy{}).value().accepted + *moved.user() +
           *moved.model_id() + moved.references() + static_cast<int>(moved.created_ms()) +
           model.value().cues() + *found.status().text() +
           static_cast<int>(model.value().threshold(0.1, SV_RANDOM, 1).value() +
                            verifier.value().score(moved, pair[1]).value() + found.value()[0].score) +
           static_cast<int>(model.value().describe().value().steps);
}
"""


def test_the_header_calls_c_and_nothing_that_allocates_or_throws(tmp_path):
    source, made = tmp_path / "every_call.cpp", tmp_path / "every_call.o"
    source.write_text(EVERY_CALL)
    command = [cxx("c++"), "-std=c++17", "-O1", f"-I{INCLUDE}", "-c", "-o", made, source]
    subprocess.run(command, check=True)
    listed = subprocess.run(["nm", "-u", made], capture_output=True, text=True, check=True).stdout.split()
    called = {each for each in listed if each != "U" and not each.startswith("_GLOBAL")}
    handles = ("model", "litert", "template", "verifier")
    assert {f"sv_{each}_close" for each in handles} | {"sv_enroll", "sv_verify", "sv_identify"} < called
    assert {each for each in called if not each.startswith("sv_")} <= {
        "_ZSt9terminatev", "__gxx_personality_v0", "_Unwind_Resume", "__stack_chk_fail",
    }  # fmt: skip


def test_a_handle_that_was_moved_from_is_empty(run):
    lines, _ = run([signature(0, number) for number in range(REFERENCES + 2)])
    assert lines[-1] == "moved 60 1"


def test_a_set_that_is_refused_says_why_of_each(run):
    enrolled = [signature(0, number) for number in range(REFERENCES)]
    enrolled[3] = enrolled[1]
    lines, _ = run([*enrolled, signature(0, 9)])
    assert lines[3] == "addition 4"
    assert lines[-1].startswith("enrollment: ")


def test_golden_bytes_go_in_and_come_out(run, tmp_path):
    kept = tmp_path / "kept"
    shutil.copy(GOLDEN / "template.bin", kept)
    lines, _ = run([signature(0, number) for number in range(REFERENCES + 1)], kept)
    content = (GOLDEN / "template.bin").read_bytes()
    assert lines[-1] == f"kept {Template.from_bytes(content).user_id}"
    assert kept.read_bytes() == content
    kept.write_bytes(content[:-1])
    assert run([signature(0, number) for number in range(REFERENCES + 1)], kept)[0][-1].startswith("kept ")
    assert kept.read_bytes() == content[:-1]
