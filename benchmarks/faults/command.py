"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.faults import detecting, showing
from benchmarks.faults.areas import Area, Catalogue, Planted, areas, planted_in
from benchmarks.faults.ground import Ground, ground_of, keep, load, sources_digest
from benchmarks.faults.mutation import Fault
from benchmarks.faults.planting import ROOT, Stock
from benchmarks.faults.processes import News, Steps, Work, run_all
from benchmarks.faults.report import Record, judged, shares, table, write_rows
from benchmarks.faults.settings import SETTINGS, Setting, controls
from benchmarks.faults.working import warm

GROUND_SECONDS = 600.0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description="Plant faults in the compiler and the machine, see which can show in 200 "
        "random calls, and whether the diagnosis finds them and names the right place.",
    )
    parser.add_argument("--area", action="append", help="an area by name; again for more")
    parser.add_argument("--count", type=int, help="faults in each area, not as many as usual")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--settings", type=int, default=2, metavar="N",
                        help="settings on which a fault may show, at most (default 2)")  # fmt: skip
    parser.add_argument("--detector", choices=list(detecting.detectors()), default="bisect")
    parser.add_argument("--only", metavar="TEXT", help="faults whose name holds a text")
    parser.add_argument("--list", action="store_true", help="print the faults, plant none")
    parser.add_argument("--no-detection", action="store_true", help="only see which can show")
    parser.add_argument("--again", action="store_true",
                        help="only ask about the faults in the folder that can show")  # fmt: skip
    parser.add_argument("--control", action="store_true", help="ask where there is no fault")
    parser.add_argument("--folder", type=Path, default=Path("faults"),
                        help="where results are kept; what is there is not done again")  # fmt: skip
    return parser.parse_args(argv)


@dataclass
class Results:
    """Records that are kept, one a line; a fault is known by its file's text and its number."""

    path: Path
    known: dict[str, Record]

    @staticmethod
    def read(path: Path) -> Results:
        """Those of earlier runs."""
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return Results(path, {record["key"]: record for record in map(json.loads, lines)})

    def add(self, record: Record) -> None:
        """Keep one more."""
        self.known[record["key"]] = record
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


class Benchmark:
    """One run: the right compiler, the faults, and what is known of them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.folder: Path = arguments.folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.digest = sources_digest()
        self.catalogue = Catalogue()
        self.stock = prepared(self.folder)
        self.grounds = {setting.name: self._ground(setting) for setting in SETTINGS}
        self.shows = Results.read(self.folder / "shows.jsonl")
        self.named = Results.read(self.folder / f"{arguments.detector}.jsonl")

    def _ground(self, setting: Any) -> Ground:
        path = self.folder / f"{setting.name}-{self.digest}.ground"
        if (found := load(path)) is None:

            def make() -> Iterator[News]:
                keep(path, ground_of(setting))
                yield {}

            def steps() -> Steps:
                ended = yield Work(make, GROUND_SECONDS)
                assert not ended["ended"], f"{setting.name}: {ended}"

            run_all(iter([steps()]), 1)
            found = load(path)
        assert found is not None
        return found

    def faults(self) -> Iterator[tuple[int, Planted]]:
        """The faults that were asked for with their numbers, one of each area in turn."""
        found = areas(list(self.grounds.values()))
        wanted = self.arguments.area or [area.name for area in found]
        unknown = set(wanted) - {area.name for area in found}
        if unknown:
            sys.exit(f"no area {sorted(unknown)}; there are {[area.name for area in found]}")
        chosen = [self._of_area(area) for area in found if area.name in wanted]
        for number in range(max(map(len, chosen))):
            yield from ((number, faults[number]) for faults in chosen if number < len(faults))

    def _of_area(self, area: Area) -> list[Planted]:
        count = self.arguments.count or area.count
        grounds = list(self.grounds.values())
        return list(islice(planted_in(area, grounds, self.catalogue, self.arguments.seed), count))

    def key(self, planted: Planted) -> str:
        """What identifies a fault: the text of its file, and its number in there."""
        fault = planted.fault
        text = text_digest(self.catalogue.sources[fault.file])
        return f"{planted.area.name} {fault.file} {text} {fault.number} {self.arguments.seed}"

    def steps_of(self, setting: str) -> list[str]:
        """The steps of a setting up to the last pass."""
        return [step for step, _ in self.grounds[setting].forms]

    def task(self, number: int, planted: Planted) -> Steps:
        """See whether a fault shows, and ask the diagnosis if it does."""
        key = self.key(planted)
        record = self.shows.known.get(key)
        if record is None:
            record = yield from self._shown(key, number, planted)
        if record["show"] and not self.arguments.no_detection and key not in self.named.known:
            setting = self.grounds[record["setting"]].setting
            ask = partial(
                detecting.named, self.stock, setting, planted.fault, self.arguments.detector
            )
            news = yield Work(ask, detecting.LIMIT_SECONDS)
            self.named.add({"key": key, **news})
        tell(record, self.named.known.get(key, {}))

    def _shown(self, key: str, number: int, planted: Planted) -> Generator[Work, News, Record]:
        area, fault = planted.area, planted.fault
        news: News = {}
        name = ""
        for name in planted.settings[: self.arguments.settings]:
            look = partial(
                showing.shown, self.stock, self.grounds[name], fault, area.name, area.is_level
            )
            news = yield Work(look, showing.LIMIT_SECONDS)
            if news["ended"] == "late":
                news["show"] = "hang"
            elif "Unplanted" in news.get("died", ""):
                news["show"] = ""
            elif news["ended"]:
                news["show"], news["detail"] = "crash", news.get("died", news["ended"])
            if news["show"]:
                break
        about = {"key": key, "seed": self.arguments.seed, "number": number, "area": area.name}
        record = {**asdict(fault), **about, "level": area.is_level, "setting": name, **news}
        record["change"] = fault.number
        record["text"] = text_digest(self.catalogue.sources[fault.file])
        record["levels"] = self.grounds[name].levels
        self.shows.add(record)
        return record

    def rows(self) -> list[Record]:
        """What is known of the faults that were asked for."""
        found = list[Record]()
        for _, planted in self.faults():
            record = self.shows.known.get(self.key(planted))
            if record is not None:
                named = self.named.known.get(record["key"])
                found.append(judged(record, named, self.steps_of(record["setting"])))
        return found


def again(arguments: argparse.Namespace) -> int:
    """Ask the diagnosis about faults that are known to show, where files are what they were."""
    shows = Results.read(arguments.folder / "shows.jsonl")
    named = Results.read(arguments.folder / f"{arguments.detector}.jsonl")
    stock, by_name = prepared(arguments.folder.resolve()), {s.name: s for s in SETTINGS}
    kept = [r for r in shows.known.values() if r["area"] in (arguments.area or [r["area"]])]

    def asked(record: Record) -> Steps:
        fault = Fault.of(record)
        ask = partial(detecting.named, stock, by_name[record["setting"]], fault, arguments.detector)
        news = yield Work(ask, detecting.LIMIT_SECONDS)
        named.add({"key": record["key"], **news})
        tell(record, news)

    waiting = (
        record
        for record in kept
        if record["show"] and record["key"] not in named.known and is_as_it_was(record)
    )
    run_all(map(asked, waiting), arguments.jobs)
    rows = [judged(r, named.known.get(r["key"]), list(r["levels"])) for r in kept]
    tabulate(arguments.folder / f"{arguments.detector}.tsv", rows)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Plant the faults that are asked for; print the table."""
    arguments = _arguments(argv)
    if arguments.control:
        return control(arguments)
    if arguments.again:
        return again(arguments)
    benchmark = Benchmark(arguments)
    if arguments.list:
        for number, planted in benchmark.faults():
            print(f"{planted.area.name} {number}: {planted.fault.name} {planted.settings}")
        return 0
    chosen = (f for f in benchmark.faults() if (arguments.only or "") in f[1].fault.name)
    run_all((benchmark.task(*one) for one in chosen), arguments.jobs)
    tabulate(benchmark.folder / f"{arguments.detector}.tsv", benchmark.rows())
    return 0


def tell(record: Record, named: Record) -> None:
    """One line about a fault that is judged."""
    print(
        f"{record['area']} {record['number']}: {record['file']}:{record['line']} "
        f"{record['kind']} [{record['before']} -> {record['after']}] on {record['setting']}: "
        f"{record['show'] or '-'} ({record['phase']}); first {record.get('first', '-')}; "
        f"named: {named.get('where') or '-'} {named.get('operation') or ''}",
        flush=True,
    )


def tabulate(path: Path, rows: Sequence[Record]) -> None:
    """Write all rows, and print what they come to."""
    ordered = sorted(rows, key=lambda row: row["area"])
    write_rows(path, ordered)
    print(table(ordered))
    print(shares(ordered))


def is_as_it_was(record: Record) -> bool:
    """Whether the file of a fault has the text that it was made for."""
    path = ROOT / record["file"]
    return path.exists() and text_digest(path.read_text(encoding="utf-8")) == record["text"]


def text_digest(text: str) -> str:
    """What tells texts apart, in short."""
    return sha256(text.encode()).hexdigest()[:12]


def prepared(folder: Path, settings: Sequence[Setting] = SETTINGS) -> Stock:
    """Import the project and what it needs, compile each setting once, and take stock."""
    for name in ("onnxruntime", "lpuc.verification.verified", "lpuc.levels.execution"):
        import_module(name)
    here = Path.cwd()
    os.chdir(folder)
    warm(settings)
    os.chdir(here)
    stock = Stock()
    gc.freeze()
    return stock


def control(arguments: argparse.Namespace) -> int:
    """Ask the diagnosis where there is no fault; exit code 1 if anything is named."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    stock = prepared(arguments.folder.resolve())
    chosen = [setting for setting in controls() if (arguments.only or "") in setting.name]
    wrong = list[str]()

    def asked(setting: Setting) -> Steps:
        ask = partial(detecting.named, stock, setting, None, arguments.detector)
        news = yield Work(ask, detecting.LIMIT_SECONDS)
        is_right = not news.get("where") and not news["ended"]
        print(f"{setting.name}: {'nothing' if is_right else news} in {news['seconds']} s")
        sys.stdout.flush()
        if not is_right:
            wrong.append(setting.name)

    run_all(map(asked, chosen), arguments.jobs)
    print(f"something is named in {len(wrong)} of {len(chosen)}")
    return int(bool(wrong))
