"""What judges kernels notices what somebody might write wrongly in them.

Each fault is a change of one source, from which a library is made by the compiler of the machine.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.native.library import Kernel, load
from runtime.native.operands import DOT, OUTER
from runtime.native.sources import FLAGS, FOLDER, HEADERS, LIBRARY, SOURCES
from runtime.numerics.elements import ElementType
from tests.unit.runtime.native import judging
from tests.unit.runtime.native.judging import Case
from tests.unit.runtime.native.judging_channels import wrong as wrong_channels
from tests.unit.runtime.native.judging_checksums import wrong as wrong_sums
from tests.unit.runtime.native.judging_passes import wrong as wrong_passes
from tests.unit.runtime.native.judging_requests import wrong as wrong_requests
from tests.unit.runtime.native.judging_sha256 import wrong as wrong_digests
from tests.unit.runtime.native.judging_timing import wrong as wrong_timing
from tests.unit.runtime.native.kernels import needs_library

E = ElementType
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
pytestmark = [
    needs_library,
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
    pytest.mark.xdist_group("native faults"),
]
DIGEST = "planted"
PLANTED = ("avx512", "avx2")


class Fault(NamedTuple):
    """What is wrong, and in which source which text becomes another."""

    what: str
    source: str
    old: str
    new: str


FAULTS = (
    Fault("the rest of a column is left out", "dot.h",
          "if (k < depth)\n", "if (k < -depth)\n"),
    Fault("behind the rest lies what was there", "forms.h",
          "memset(to, 0, PARTIALS * sizeof *to);", "to[PARTIALS - 1] = 1e6f;"),
    Fault("one row has an order of its own", "dot.h",
          "partials[n][c] = vector_fma(row, widened(at + n * stride, element), partials[n][c]);",
          "partials[n][0] = vector_fma(row, widened(at + n * stride, element), partials[n][0]);"),
    Fault("the rest of a column is that of the first", "dot.h",
          "last_of_column(data + n * stride,", "last_of_column(data,"),
    Fault("the rest is what lies in front of it", "dot.h",
          "return room + PARTIALS - depth % PARTIALS;", "return room;"),
    Fault("sums of the last block stay", "dot.h",
          "columns, k == 0);", "columns, k == 0 && m == 0);"),
    Fault("the second block begins anew", "dot.h",
          "dot_tiles(x + m * job->padded + k, job", "dot_tiles(x + m * job->padded, job"),
    Fault("of what is left of rows there is one", "dot.h",
          "for (int64_t m = 0; m < rows; m++)\n                if (begins)",
          "for (int64_t m = 0; m < 1; m++)\n                if (begins)"),
    Fault("subnormal sums are zero", "elements.h",
          "    if (rows->accumulate)\n",
          "    if (sum < 0x1p-126f && sum > -0x1p-126f)\n        sum = 0;\n"
          "    if (rows->accumulate)\n"),
    Fault("four sums are added in another order", "sums_x86.h",
          "_mm_movelh_ps(four[0], four[1]), _mm_movehl_ps(four[1], four[0])",
          "_mm_unpacklo_ps(four[0], four[1]), _mm_unpackhi_ps(four[0], four[1])"),
    Fault("streams change places", "dot.h",
          "n + i * part, results[i]", "n + (STREAMS - 1 - i) * part, results[i]"),
    Fault("columns behind the streams are left out", "dot.h",
          "part * STREAMS; n < end; n++", "part * STREAMS; n + 1 < end; n++"),
    Fault("columns that lie apart are those of one stream", "dot.h",
          "column, part * stride, element, depth, STREAMS, stride",
          "column, stride, element, depth, STREAMS, stride"),
    Fault("rows behind groups of eight are left out", "outer.h",
          "for (; k < panel->depth; k++)", "for (; k + 1 < panel->depth; k++)"),
    Fault("columns behind vectors take the last row", "outer.h",
          "widen_rest(at + k * stride + n * size", "widen_rest(at + n * size"),
    Fault("what is left of rows takes the first ones", "outer.h",
          "for (; m < rows; m++)\n            outer_tile(x + m * padded",
          "for (; m < rows; m++)\n            outer_tile(x"),
    Fault("the upper half is forgotten", "avx2.c",
          "_mm256_add_ps(partials[0], partials[1])", "partials[0]"),
    Fault("sums of sixteen are of other columns", "sums_x86.h",
          "_mm256_loadu_ps(sums + i * PARTIALS + 8)", "_mm256_loadu_ps(sums + 8)"),
    Fault("the last of sixteen is not kept", "avx512.c",
          "_mm512_storeu_ps(at, v)", "_mm512_mask_storeu_ps(at, 0x7fff, v)"),
    Fault("results are added to nothing", "elements.h", "if (rows->accumulate)", "if (rows == 0)"),
    Fault("bf16 is cut off", "elements.h", "(bits + 0x7fff + (bits >> 16 & 1))", "(bits)"),
    Fault("a tie goes up", "elements.h", "0xfff + (rest >> 13 & 1)", "0x1000"),
    Fault("subnormal halves are zero", "elements.h",
          "to_bits((float)rest * 0x1p-24f)", "to_bits((float)rest * 0)"),
    Fault("rows and columns of results change places", "elements.h",
          "row * rows->out_row", "row * rows->out_column"),
    Fault("elements of x follow each other", "products.c",
          "k * rows->x_depth", "k * (rows->x_element == F32 ? 4 : 2)"),
    Fault("a batch is the first", "products.c", "b * rows->x_batch", "0 * rows->x_batch"),
    Fault("the last column of a piece is left out", "products.c",
          "least(first + job->step,", "least(first + job->step - (job->pieces > 1),"),
    Fault("vectors alone are computed", "passes.h",
          "        if (i < n) {  ", "        if (n < 0) {  "),
    Fault("operands change places", "passes.h",
          "EACH(vector_sub(a, b))", "EACH(vector_sub(b, a))"),
    Fault("a block begins where the row does", "passes.h",
          "at[1] + done * a->strides[3], n, buffers[1])", "at[1], n, buffers[1])"),
    Fault("the last of a row are left out", "passes.h",
          "memcpy(lane, x + i, (size_t)(n - i) * sizeof *x);", ""),
    Fault("the greatest of negative numbers is zero", "passes.h",
          "-__builtin_inff()", "0.0f"),
    Fault("of three axes two are walked", "passes.h",
          "k < extents[2]; k++", "k < 1; k++"),
    Fault("what is chosen is the other", "passes.h", "!at[1][i * step]", "at[1][i * step] == 1"),
    Fault("a NaN is passed over", "avx2.c",
          "_mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), _mm256_cmp_ps(a, a, _CMP_UNORD_Q))",
          "_mm256_cmp_ps(a, b, _CMP_GT_OQ)"),
    Fault("vectors of bf16 are cut off", "avx2.c",
          "_mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))", "_mm256_setzero_si256()"),
    Fault("only the first pass is done", "products.c", "i < count; i++", "i < 1; i++"),
    Fault("what fills up a row is none of the other kind", "checksums.c",
          "(bytes + FIRST * WORD - 1) / (FIRST * WORD) * FIRST;", "bytes / WORD;"),
    Fault("the last word behind vectors is left out", "checksums.c",
          "count); k < count; k++)", "count); k < count - 1; k++)"),
    Fault("words that are not whole are left out", "checksums.c", "if (rest)", "if (rest > 7)"),
    Fault("each piece begins at the first place", "checksums.c",
          "(at - parts->start) / WORD", "0 * rows"),
    Fault("a piece is what the first one is", "checksums.c",
          "piece, bytes, at);", "piece, bytes, parts->start);"),
    Fault("a file has no end", "checksums.c", "got ? errno : -1;", "got ? errno : 0;"),
    Fault("what cannot be read counts as read", "checksums.c",
          "got ? errno : -1;", "got ? 0 : -1;"),
    Fault("a digest is that of no bytes", "sha256.c", "(uint64_t)hash->count * 8", "0"),
    Fault("a length takes no unit of its own", "sha256.c", "filled + 9 > UNIT", "filled > UNIT"),
    Fault("both lanes hash one block", "sha256.c",
          "{lanes[0].data, lanes[1].data}", "{lanes[0].data, lanes[0].data}"),
    Fault("what waits for a unit waits for ever", "sha256.c",
          "if (taken && filled + taken == UNIT)", "if (!filled && taken)"),
    Fault("a block goes on where the last one was", "sha256.c",
          "    memcpy(hash->state, first, sizeof first);\n", ""),
    Fault("the last piece is left out", "threads.c", "if (piece >= pieces)",
          "if (piece >= pieces - 1)"),
    Fault("a bus that read does not turn", "channels.h", "wrote >= 0 &&", "wrote > 0 &&"),
    Fault("of four openings two are forgotten", "channels.h", "    opens[1] = opens[2];\n", ""),
    Fault("the controller sees too much", "channels.h", "columns[own->number], own",
          "columns[0], own"),
    Fault("a bank that was written closes like one that was read", "channels.h",
          "later(own->closable[at.bank], own->last + own->to_close)",
          "own->last + own->to_close"),
    Fault("banks of a group do not wait", "channels.h", "*group + law->group", "*group"),
    Fault("queues lie behind each other", "channels.c", "at += bursts->queues", "at++"),
    Fault("the last burst is left out", "following.c", "high, 0, last);", "high, 0, last - 1);"),
    Fault("a channel that is ahead goes on", "following.c", "if (waits && !begun)",
          "if (waits && begun)"),
    Fault("one that is ahead of a part goes on", "following.c", "if (waits)\n", "if (!waits)\n"),
    Fault("rows are not moved on", "places.h", "    at->row++;\n", ""),
    Fault("many bursts take the rate of the first half", "following.c",
          "known[whole] - known[half]", "known[half] - known[0]"),
    Fault("the bus goes on where the first channel's did", "following.c",
          "own.last - first.last", "0"),
    Fault("what lies between takes no time", "following.c", "+= between", "+= 0"),
    Fault("pieces share no burst", "requests.c", "from == before ? step : 0;", "0;"),
    Fault("a piece touches the whole of its last burst", "requests.c",
          " || (burst + 1) * size > start + of->run", ""),
    Fault("nothing is read that is written in part", "requests.c",
          "all->memory->merges; k++", "0; k++"),
    Fault("a scatter reads nothing", "requests.c", "if (of->reads_first)", "if (0)"),
    Fault("channels that are ahead of pieces go on", "requests.c", "if (waits)", "if (0)"),
    Fault("one more of the last bursts is looked at", "requests.c", "number < 0)", "number < -1)"),
    Fault("bursts that all channels have are left out", "requests.c",
          "counts[channel] += rounds;", "counts[channel] += 0;"),
    Fault("what the first bursts take counts twice", "requests.c", "took - alone);", "took);"),
    Fault("the last bursts leave banks long ago", "requests.c", "own.last - other.last);", "0);"),
    Fault("what is not looked at leaves banks as they are", "requests.c",
          "        be_like(law, &own, &own, by);\n", ""),
    Fault("half as many bursts are looked at", "requests.c", "> 2 * edge)", "> edge)"),
    Fault("pieces in one burst are few", "requests.c",
          "each = (size + shortest - 1) / shortest * ", "each = "),
    Fault("an axis does not begin anew", "requests.c",
          "        offset -= of->strides[axis] * (of->extents[axis] - 1);\n", ""),
    Fault("a channel is as far ahead as it likes", "requests.c",
          "memory->lead * all->law->burst", "over"),
    Fault("behind an index channels are free at once", "requests.c",
          "rest_all(all, all->clocks, memory->over,", "rest_all(all, all->clocks, over,"),
    Fault("a begun unit does not count", "requests.c", "(units % burst > 0)", "0"),
    Fault("the turn of the bus counts as banks", "requests.c", "total - turn", "total"),
    Fault("what is used lies one further on", "granules.c",
          "board->entries + granule :", "board->entries - 1 + granule :"),
    Fault("the last of those that delay most is behind", "granules.c",
          "if (delay > late)", "if (delay >= late)"),
    Fault("a step waits for its own granule alone", "granules.c",
          "delays[k] = late;", "delays[k] = delay;"),
    Fault("an earlier use counts", "granules.c", "if (left[k] > board", "if (left[k] < board"),
    Fault("what is written is valid at once", "granules.c", "left[k] + latency;", "left[k];"),
    Fault("a pass begins when its granules are there", "granules.c",
          "later(delays[of->until[k]], start)", "delays[of->until[k]]"),
    Fault("a set-up is left out", "granules.c", "of->left[k] + shift", "of->left[k]"),
    Fault("written ones follow the read ones", "granules.h",
          "of->first + k;", "of->first + k - (of->first > 9);"),
    Fault("room for one byte more", "streams.c",
          "[freed->low] < needed", "[freed->low] < needed - 1"),
    Fault("a beat is requested with room for one byte less", "streams.c",
          "all->depth > known", "all->depth > known + 1"),
    Fault("room is there a cycle early", "streams.c",
          "[freed->low] * all->unit", "[freed->low] * all->unit - 1"),
    Fault("the first wait counts", "streams.c",
          "        panel->ready = begin;\n", "        panel->ready += panel->waits ? 0 : begin;\n"),
    Fault("nobody waits for room", "streams.c", "panel->waits = 1;", "panel->waits = 0;"),
    Fault("a begun cycle does not count", "streams.c", "+ (last->left > 0)", "+ 0"),
    Fault("a beat takes two cycles at most", "streams.c",
          "time->cycles += time->left / unit;", "time->cycles += 0;"),
    Fault("runs are one", "streams.c", "begin > column(runs, 1)[runs->high - 1]", "0"),
    Fault("runs begin where the first did", "streams.c",
          "column(runs, 0)[runs->high++] = begin;",
          "column(runs, 0)[runs->high++] = runs->high ? column(runs, 0)[0] : begin;"),
    Fault("bills are paid while beats are served", "streams.c",
          "all->served += over - begin;", "all->served += 0;"),
    Fault("shares are rounded up", "streams.c", "if (of->over >= of->beats)", "if (of->over > 0)"),
    Fault("a call begins at the first beat", "streams.c",
          "rest * first % beats};", "0};"),
    Fault("the first of several that delay a product counts", "streams.c",
          "before >= product->late", "before > product->late"),
    Fault("an arrival delays what comes before it", "streams.c",
          "arrived - before;", "arrived - upto;"),
    Fault("a beat waits for granules behind it", "streams.c",
          "[product->held] < upto", "[product->held] <= upto"),
    Fault("what was held is not any more", "streams.c",
          "later(product->late, held) + upto", "product->late + upto"),
    Fault("ends are left with the beat behind", "streams.c", "/ tiles - 1]", "/ tiles]"),
    Fault("ends do not wait for granules", "streams.c",
          "later(delays[needs->until[k]], start);", "start;"),
    Fault("of rows that are moved a column stays", "engines.c",
          "has_room(&all->writes, 4, 1)", "has_room(&all->writes, 3, 1)"),
    Fault("panels that are moved stand where they stood", "engines.c",
          "    of->unsent -= first;\n", ""),
    Fault("words are fetched as they are needed", "engines.c",
          "(all->words - 1) * all->fetch", "0 * all->words"),
    Fault("a branch fetches nothing anew", "engines.c", "        all->words = 0;\n", ""),
    Fault("of reasons at one time any counts", "engines.c", "if (one.cause != other.cause)",
          "if (0)"),
    Fault("a queue has room when its first instruction left it", "engines.c",
          "queue->waits[queue->first];", "queue->waits[0];"),
    Fault("a store passes streams", "engines.c", "if (step->work->writes) {", "if (0) {"),
    Fault("the bus turns as it did before", "engines.c",
          "work->writes ? all->to_write : all->to_read",
          "work->writes ? all->to_read : all->to_write"),
    Fault("a transfer waits for no bank", "engines.c", "up(step->banks, unit)", "0"),
    Fault("borders are not paid", "engines.c", "work->units + step->total", "work->units"),
    Fault("a write is over when it has left", "engines.c",
          "(struct wait){end, all->number});", "(struct wait){left, all->number});"),
    Fault("a bill is paid before it is issued", "panels.c",
          "later(issued - served, all->idle)", "all->idle"),
    Fault("the last of several reasons counts", "panels.c",
          "if (reasons[k].time > last.time)", "if (reasons[k].time >= last.time)"),
    Fault("a stream saves what its border has", "panels.c", "saved < early ? saved : early",
          "saved"),
    Fault("streams follow without a set-up", "panels.c", "last.time + all->issue * unit",
          "last.time"),
    Fault("who waits for room waits for nobody", "panels.c", "all->drainer}", "panel->number}"),
    Fault("a product waits for bytes that were there", "panels.c",
          "product.late > first.time + all->issue", "product.late >= first.time + all->issue"),
    Fault("nothing is requested behind a product", "panels.c", "    fill(all);\n    lpuc_mark",
          "    lpuc_mark"),
    Fault("streams pass stores", "panels.c", "ready(&all->writes, step)",
          "(struct wait){0, NEVER}"),
    Fault("a lag holds from the step behind on", "messages.c", "begins[middle] <= step",
          "begins[middle] < step"),
    Fault("room on the link is not taken", "messages.c", "        side->room--;\n", ""),
    Fault("what is sent does not wait for the link", "messages.c",
          "begin = later(taken.time + setup, room.time);", "begin = taken.time + setup;"),
    Fault("a message comes again", "messages.c",
          "    sent->low += column(sent, 1)[sent->low] + 2;\n", ""),
    Fault("a message is there at once", "messages.c", "+ all->issue, begin) + all->hop",
          "+ all->issue, begin)"),
    Fault("a range meets what it touches", "engines.h", "high ? one->high : high);",
          "high ? one->high : high) + 1;"),
)  # fmt: skip


INCLUDING = dict.fromkeys(HEADERS, ("avx2.c", "products.c")) | {
    "channels.h": ("channels.c", "following.c", "requests.c"),
    "engines.h": ("engines.c", "messages.c", "panels.c"),
    "granules.h": ("granules.c", "streams.c", "panels.c"),
    "places.h": ("following.c", "requests.c"),
}
"""Who includes a header, as far as what is judged needs it."""
FIRST = {fault.source: fault for fault in reversed(FAULTS)}
ALL = [pytest.param(f, marks=() if f is FIRST[f.source] else pytest.mark.slow) for f in FAULTS]
"""Each takes a compiler: the first of each source are no slow tests."""


def _compiled(source: Path, to: Path) -> Path:
    assert COMPILER is not None
    macro = f'-DDIGEST="{DIGEST}"'
    command = [COMPILER, *FLAGS, "-O0", macro, "-fPIC", "-c", str(source), "-o", str(to)]
    subprocess.run(command, check=True)
    return to


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the sources make as they are."""
    folder = tmp_path_factory.mktemp("objects")
    return {name: _compiled(FOLDER / name, folder / f"{name}.o") for name in SOURCES}


def _reads(source: str, header: str) -> bool:
    """Whether a source is or includes a file, or one of those that it includes does."""
    included = re.findall(r'^#include "(.*)"', (FOLDER / source).read_text("utf-8"), re.MULTILINE)
    return source == header or any(_reads(one, header) for one in included)


def _library(fault: Fault | None, objects: dict[str, Path], folder: Path) -> Path:
    """A library with a fault; of what includes a header, only what the AVX2 kernel needs is new."""
    made = dict(objects)
    if fault is not None:
        for name in (*SOURCES, *HEADERS):
            shutil.copy(FOLDER / name, folder / name)
        text = (FOLDER / fault.source).read_text("utf-8")
        assert text.count(fault.old) == 1, f"{fault.source} has not one {fault.old!r}"
        (folder / fault.source).write_text(text.replace(fault.old, fault.new), "utf-8")
        changed = (fault.source,) if fault.source in SOURCES else INCLUDING[fault.source]
        for name in changed:
            if not _reads(name, fault.source):
                continue
            made[name] = _compiled(folder / name, folder / f"{name}.o")
    path = folder / LIBRARY
    assert COMPILER is not None
    linked = [COMPILER, "-shared", "-pthread", *map(str, made.values()), "-o", str(path)]
    subprocess.run(linked, check=True)
    return path


def _cases() -> Iterator[Case]:
    """Blocks and what is left of them, in every way that operands lie and are filled."""
    for seed, kind in enumerate(judging.KINDS):
        between = 150 if seed % 2 else 2
        for form in (DOT, OUTER):
            for element, x_element in ((E.F32, E.F32), (E.F16, E.BF16), (E.BF16, E.F16)):
                for rows, depth, columns in ((1, 53, 13), (2, 300, 5), (7, 21, 50), (6, 530, 7)):
                    yield Case(
                        2, rows, depth, columns, form, element, x_element, (1, between, 0),
                        apart=bool(seed % 2), kind=kind, seed=seed,
                    )  # fmt: skip


SHARE = 5
"""Of the cases one in so many is asked where all would be right: of each kind and form some."""


Judge = Callable[[Kernel], str]
WHOLE: dict[Judge, tuple[str, ...]] = {
    wrong_passes: ("passes.h",),
    wrong_digests: ("sha256.c",),
    wrong_sums: ("checksums.c",),
    wrong_channels: ("channels.c", "channels.h", "following.c", "places.h"),
    wrong_requests: ("requests.c",),
    wrong_timing: (
        "engines.c",
        "engines.h",
        "granules.c",
        "granules.h",
        "messages.c",
        "panels.c",
        "streams.c",
        "streams.h",
        "times.h",
    ),
    judging.every_half: (),
    judging.misses_pieces: (),
}
"""Who judges all of something at once, and the sources of that."""


def _found(kernel: Kernel, source: str = "", share: int = 1) -> str:
    """The first thing that is wrong with a kernel; whose the faulty source is, is asked first."""
    own = [judge for judge, sources in WHOLE.items() if source in sources]
    checks = (judging.wrong, judging.depends, judging.rounds_badly)
    cases = islice(_cases(), 0, None, share)
    found = (check(kernel, case) for case in cases for check in checks)
    parts = (judge(kernel) for judge in own), found, (judge(kernel) for judge in WHOLE)
    return next(filter(None, chain(*parts)), "")


def test_nothing_is_wrong_without_a_fault(objects: dict[str, Path], tmp_path: Path) -> None:
    """Of the kernels that faults are planted into."""
    kernels = load(_library(None, objects, tmp_path), DIGEST)
    judged = [kernel for kernel in kernels if kernel.name in PLANTED]
    assert not any(_found(kernel, share=SHARE) for kernel in judged)
    if not judged:
        pytest.skip("none of them here")


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.what)
def test_a_planted_fault_is_noticed(fault: Fault, objects: dict[str, Path], tmp_path: Path) -> None:
    name = PLANTED[fault.source != "avx512.c"]
    kernels = {k.name: k for k in load(_library(fault, objects, tmp_path), DIGEST)}
    if name not in kernels:
        pytest.skip(f"no {name} here")
    assert _found(kernels[name], fault.source)
