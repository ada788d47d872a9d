import shutil
import subprocess

import pytest

import sigverify

BASE = f"{sigverify.__path__[0]}/models/base.sigmodel"


def run(*command):
    return subprocess.run(
        [*map(str, command), BASE], capture_output=True, text=True, timeout=300, check=False
    )


def test_the_exercise_ends_well(plain):
    assert plain.endswith("sound\n")


@pytest.mark.slow
def test_nothing_is_read_or_written_out_of_bounds_and_nothing_leaks(exercise, plain):
    """Not optimized, so that all that the source reads and writes is watched."""
    done = run(exercise("-g", "-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "machine"), [("aarch64-linux-gnu", "aarch64"), ("arm-linux-gnueabihf", "arm")]
)
def test_arm_computes_the_same(exercise, plain, target, machine):
    compiler = shutil.which(f"{target}-gcc")
    qemu = shutil.which(f"qemu-{machine}-static") or shutil.which(f"qemu-{machine}")
    if not (compiler and qemu):
        pytest.skip(f"no cross compiler or emulator (Debian: gcc-{target}, qemu-user-static)")
    done = run(qemu, exercise("-static", "-DSV_NO_LITERT", compiler=compiler))
    assert (done.returncode, done.stdout) == (0, plain), done.stderr
