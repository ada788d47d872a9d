import re
import subprocess
from dataclasses import replace

import pytest
from builders import model
from native_networks import arithmetic_model

from firmware_bridge.libsigverify.build import INCLUDE
from firmware_bridge.libsigverify.c_array import c_array
from sigverify.errors import ConfigError

FIRMWARE = """
#include "sigverify.h"
#include <stdio.h>
#include "model.c"
int main(void)
{
    sv_model *its;
    sv_model_info info;
    if (sv_model_open(base, base_size, &its) != SV_OK || sv_model_describe(its, &info) != SV_OK)
        return 1;
    const unsigned char *network = info.network;
    int placed = network == base + BASE_NETWORK_OFFSET && (size_t)network % 16 == 0;
    printf("%s %d %d ", info.id, placed, info.network_size == BASE_NETWORK_SIZE);
    printf("%.9g %d\\n", BASE_INPUT_SCALE, BASE_INPUT_ZERO_POINT);
    sv_model_close(its);
    return 0;
}
"""


def test_firmware_opens_the_model_out_of_its_own_program(compiler, library_path, base, tmp_path):
    program, source = tmp_path / "firmware", tmp_path / "firmware.c"
    (tmp_path / "model.c").write_text(c_array(base, "base"))
    source.write_text(FIRMWARE)
    strict = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
    place = [f"-I{INCLUDE}", "-o", program, source, library_path, f"-Wl,-rpath,{library_path.parent}"]
    subprocess.run([compiler, *strict, *place], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    port = base.manifest.tensors["input"]
    assert done.stdout == f"{base.id} 1 1 {port['scale']:.9g} {port['zero_point']}\n"


def test_a_model_without_tensors_has_no_macros_of_them():
    source = c_array(model())
    assert "NETWORK_OFFSET" in source
    assert "INPUT" not in source


def test_both_networks_are_found_where_the_macros_say():
    for names, network in ((("series", "pair"), b"n" * 33), (("series",), b"n" * 32), (("series",), b"n")):
        its = replace(arithmetic_model(names), network=network)
        macros = dict(re.findall(r"#define SIGVERIFY_MODEL_(\w+) (\d+)", c_array(its, pair_arena_bytes=512)))
        data = its.to_bytes()
        for prefix, content in (("", network), ("PAIR_", its.pair_network)):
            if content:
                start = int(macros[f"{prefix}NETWORK_OFFSET"])
                assert start % 16 == 0
                assert data[start : start + int(macros[f"{prefix}NETWORK_SIZE"])] == content
        assert ("PAIR_NETWORK_SIZE" in macros) == ("PAIR_INPUT_POSITION" in macros) == ("pair" in names)
        assert macros["PAIR_ARENA_BYTES"] == "512"


def test_the_arena_is_written_where_it_is_known(base):
    assert "ARENA_BYTES" not in c_array(base)
    assert "#define SIGVERIFY_MODEL_ARENA_BYTES 35328" in c_array(base, arena_bytes=35328)


def test_lines_are_short(base):
    assert max(map(len, c_array(base).splitlines())) <= 110


@pytest.mark.parametrize("name", ["", "9lives", "a-b", "a b", "x" * 64, "a;"])
def test_what_cannot_be_a_name_in_c_is_refused(name):
    with pytest.raises(ConfigError):
        c_array(model(), name)
