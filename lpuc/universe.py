"""What xDSL's own tools see: with lpuc installed, `xdsl-opt` knows our dialects and passes."""

from xdsl.universe import Universe

from dialects import DIALECTS
from passes import PASSES

LPUC_UNIVERSE = Universe(all_dialects=dict(DIALECTS), all_passes=dict(PASSES))
