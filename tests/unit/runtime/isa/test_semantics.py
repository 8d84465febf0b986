"""Every instruction of the table has a row that says what it does."""

from types import FunctionType

import pytest

from runtime.isa import ISA
from tests.unit.runtime.device.bench import Bench
from tests.unit.runtime.isa import rows_ctrl, rows_data

ROWS = {
    name.rstrip("_"): row
    for module in (rows_ctrl, rows_data)
    for name, row in vars(module).items()
    if isinstance(row, FunctionType) and row.__module__ == module.__name__
}


@pytest.mark.parametrize("mnemonic", sorted(ISA))
def test_row(mnemonic: str) -> None:
    assert mnemonic in ROWS, f"{mnemonic} has no row in rows_ctrl or rows_data"
    ROWS[mnemonic](Bench())
