"""Plant faults, see which can show, and ask the diagnosis; `--help` says how."""

from __future__ import annotations

import sys

from benchmarks.faults.command import main

sys.exit(main())
