"""
Measurements on models that are not part of the checkout.

Products use one thread unless the environment says otherwise: this comes before numpy is imported,
which reads it once.
"""

import os

from lpuc.cli.threads import VARIABLES

for _name in VARIABLES:
    os.environ.setdefault(_name, "1")
