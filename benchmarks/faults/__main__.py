"""Plant faults, see which can show, and ask the diagnosis; `--help` says how."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys

from benchmarks.faults.command import main

sys.exit(main())
