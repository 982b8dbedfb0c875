"""The part of the build that is code: the accelerators in C, left out where there is no compiler."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup

# One build for all versions of Python from 3.11 on, but for those without a GIL, which have no stable ABI.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

MODULES = (
    ("record", "_native"),
    ("journal", "_native"),
    *(("model", name) for name in ("_rows", "_superseded")),
    ("otel", "_members"),
    ("store", "_bind"),
)
HEADERS = sorted(map(str, Path("src/agenttrace").glob("*/_*.h")))

setup(
    ext_modules=[
        Extension(
            f"agenttrace.{room}.{name}",
            [f"src/agenttrace/{room}/{name}.c"],
            depends=HEADERS,
            optional=True,
            py_limited_api=STABLE,
        )
        for room, name in MODULES
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
