"""Hand-written assembly, and errors that say where."""

import numpy as np
import pytest

from runtime.errors import Invalid, Malformed
from runtime.program.assembly import assemble, disassemble
from runtime.run.interpreter import Interpreter
from tests.unit.runtime.program.programs import projection

INTERFACE = (
    '.interface {"arena_base":0,"arena_size":64,"inputs":[],"outputs":[{"address":0,'
    '"dtype":"i64","limit":null,"name":"n","role":"data","shape":[],"storage":"i64",'
    '"strides":[]}],"params_size":0,"pc":0,"registers":[],"symbols":[]}'
)
COUNTING = f"""
.target "lpu-tiny"
{INTERFACE}
.names ["count"]
.nodes 0
        li r1, 1            ; one
        li r2, 0
        li r3, 5
again:  addi r2, r2, 10
        loop r4, r3, 1, again
        sts r2, 8
        li r5, 8
        store (r1, r1, r1, r1), i64 r0[r0,r0,r0,r0], i64 r5[r0,r0,r0,r0]
        halt
"""


def test_a_hand_written_program_runs() -> None:
    made = assemble(COUNTING.replace("li r3, 5", "li r3, 5\n li r4, 0"))
    np.testing.assert_array_equal(Interpreter(made).run({})["n"], 50)
    assert made.provenance.nodes_at(0) == ("count",)
    assert assemble(disassemble(made)) == made


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("frobnicate r1", "unknown instruction 'frobnicate'"),
        ("li r1", "expected: li rN, N"),
        ("li r300, 1", "register id"),
        ("li r0, 1", "r0 always reads 0"),
        ("jump nowhere", "unknown label 'nowhere'"),
        ("map1.what (r0,r0,r0,r0), f32 r0[r0,r0,r0,r0], f32 r0[r0,r0,r0,r0]", "unknown function"),
        ("map1 (r0,r0,r0,r0), f32 r0[r0,r0,r0,r0], f32 r0[r0,r0,r0,r0]", "expected: map1"),
        ("map1.exp (r0,r0,r0,r0), i8 r0[r0,r0,r0,r0], i8 r0[r0,r0,r0,r0]", "exp of i8"),
        ("halt 3", "expected: halt"),
        ("a: a: halt", "defined twice"),
        (".nonsense", "unknown directive"),
        (".interface {", "not JSON"),
        (".interface {}", "has no 'inputs'"),
        (".entry []", "pair of name and interface"),
        (".entry [3, {}]", "pair of name and interface"),
        (".target {}", "is missing"),
        ('.target "nope"', "known are"),
        (".param_base64 ?", "not base64"),
    ],
)
def test_errors_name_file_and_line(line: str, message: str) -> None:
    with pytest.raises(Malformed, match=rf"^bad\.s:2: .*{message}"):
        assemble(f"halt\n{line}\nhalt\n", "bad.s")


def test_parameters_must_match_the_interface() -> None:
    with pytest.raises(Invalid, match="3 parameter bytes"):
        assemble(".param_base64 AAAA\nhalt\n")


def test_loops_are_visible_with_labels_and_nodes() -> None:
    text = disassemble(projection())
    assert '; "/layers.0/mm"' in text
    label = text.split("loop ")[1].splitlines()[0].split()[-1]
    assert f"\n{label}:\n" in text
