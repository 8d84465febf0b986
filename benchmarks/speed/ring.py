"""Several devices in one process: what a message costs, and a token on each number of devices.

Part `ring`. A message is counted with everything that sending and receiving it takes, waiting for
a neighbour included; the devices do little else. Tokens of GPT-2-small are timed interleaved.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.speed.models import model
from lpuc.cli.threads import limit_threads

RINGS = (1, 2, 4, 8)
GOALS = {4: 1.75, 8: 3.0}
"""CPU time of a token, as a multiple of that on one device."""
TURNS, ELEMENTS = 300, 96
"""Exchanges of the measurement, and f32 elements that each device gives to all."""
TOKENS, ROUNDS, WARM = 12, 3, 2
ONE, FOUR, COUNT, TURN, LAST, ALL, GATHERED, COPIED = 1, 2, 3, 4, 5, 6, 7, 8
NUMBER, SLOT = 10, 30


def exchanging(devices: int) -> str:
    """The text of a program in which each device gives its elements to all, again and again."""
    size, rows = 4 * ELEMENTS, f"(r{ONE},r{ONE},r{ONE},r{COUNT})"
    lines = [
        f"li r{ONE}, 1", f"li r{FOUR}, 4", f"li r{COUNT}, {ELEMENTS}", f"li r{LAST}, {TURNS}",
        f"li r{TURN}, 0", f"li r{ALL}, {ELEMENTS * devices}", f"li r{GATHERED}, 0",
        f"li r{COPIED}, {size * devices}",
    ]  # fmt: skip
    for j in range(devices):
        lines += [f"muli r{SLOT + j}, r{NUMBER + j}, {size}"]
    slots = [f"f32 r{SLOT + j}[r0,r0,r0,r{FOUR}]" for j in range(devices)]
    lines += ["again:", f"fill {rows}, {slots[0]}, r{TURN}"]
    for j in range(1, devices // 2 + 1):
        lines += [f"send.left {rows}, {slots[j - 1]}", f"recv.right {rows}, {slots[j]}"]
        if j < devices - devices // 2:
            lines += [
                f"send.right {rows}, {slots[(1 - j) % devices]}",
                f"recv.left {rows}, {slots[-j % devices]}",
            ]
    lines += [f"copy (r{ONE},r{ONE},r{ONE},r{ALL}), {whole(COPIED)}, {whole(GATHERED)}"]
    return "\n".join([*lines, f"loop r{TURN}, r{LAST}, 1, again", "halt"])


def whole(base: int) -> str:
    """The elements of all devices, from the address in a register on."""
    return f"f32 r{base}[r0,r0,r0,r{FOUR}]"


def seconds_per_message(devices: int) -> float:
    """CPU time of one message on a ring."""
    from runtime.program.assembly import assemble
    from runtime.program.file.canonical import to_text
    from runtime.program.interface import Interface, Symbol
    from runtime.program.interface_json import to_json
    from runtime.run.interpreter import Interpreter

    symbols = tuple(Symbol(f"d{j}", NUMBER + j, 0, devices - 1) for j in range(devices))
    head = f".interface {to_text(to_json(Interface((), (), symbols, 0, 0, 0)))}\n.no_weights\n"
    made = assemble(f"{head}.devices {devices}\n{exchanging(devices)}")
    machine, found = Interpreter(made), list[float]()
    for _ in range(5):
        started = time.process_time()
        machine.run({})
        found.append(time.process_time() - started)
    return min(found) / (TURNS * devices * (devices - 1))


def seconds_per_token(path: Path) -> dict[int, float]:
    """CPU time of a token for each number of devices."""
    from lpuc.compiler.driver import compile_model
    from lpuc.compiler.options import CompileOptions
    from runtime.generation.device import Request
    from runtime.generation.tokens import generate
    from runtime.run.interpreter import Interpreter

    options = CompileOptions(precision="f32", max_context=256)
    machines = {
        devices: Interpreter(compile_model(path, replace(options, devices=devices)).in_memory)
        for devices in RINGS
    }
    times: dict[int, list[float]] = {devices: [] for devices in RINGS}
    for _ in range(ROUNDS):
        for devices, machine in machines.items():
            stamps = [time.process_time() for _ in generate(machine, Request([1, 5], TOKENS))]
            times[devices] += [after - before for before, after in pairwise(stamps[WARM:])]
    return {devices: median(found) for devices, found in times.items()}


def ring_part(folder: Path) -> None:
    """Messages first, then tokens."""
    limit_threads(1)
    print(f"a message of {ELEMENTS} f32 around a ring, CPU time")
    for devices in RINGS[1:]:
        print(f"  {devices} devices  {seconds_per_message(devices) * 1e6:7.2f} us")
    print("one token of GPT-2-small, f32, CPU time, medians")
    for devices, seconds in (found := seconds_per_token(model(folder, "gpt2"))).items():
        goal = f" (goal {GOALS[devices]:.2f})" if devices in GOALS else ""
        print(f"  {devices} devices  {seconds * 1e3:7.1f} ms, {seconds / found[1]:.2f}{goal}")
