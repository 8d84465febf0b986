"""The library of `runtime/native`, which is built where a compiler is and left out where none is.

    python setup.py build_ext --inplace      # beside its sources; `make native` does this

Without it the wheel is one for every machine; LPUC_NATIVE=0 leaves it out on purpose.
"""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

FOLDER = "runtime/native"
made = runpy.run_path(f"{FOLDER}/sources.py")


class BuildLibrary(build_ext):
    """A library that ctypes loads: its name says nothing of Python."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split(".")[:-1], made["LIBRARY"]))

    def get_export_symbols(self, ext: Any) -> Any:
        return ext.export_symbols


class Wheel(bdist_wheel):
    """For any Python 3 of the platform, or for any machine if the library is not in it."""

    def get_tag(self) -> tuple[str, str, str]:
        if any(Path(self.bdist_dir).rglob(made["LIBRARY"])):
            return ("py3", "none", super().get_tag()[2])
        return ("py3", "none", "any")


library = Extension(
    "runtime.native.products",
    sources=[f"{FOLDER}/{name}" for name in made["SOURCES"]],
    depends=[f"{FOLDER}/{name}" for name in made["HEADERS"]],
    define_macros=[("DIGEST", f'"{made["digest"]()}"')],
    extra_compile_args=list(made["FLAGS"]) if sys.platform != "win32" else [],
    extra_link_args=["-pthread"] if sys.platform != "win32" else [],
    optional=True,
)
is_wanted = os.environ.get("LPUC_NATIVE") != "0"
setup(
    cmdclass={"build_ext": BuildLibrary, "bdist_wheel": Wheel},
    ext_modules=[library] if is_wanted else [],
)
