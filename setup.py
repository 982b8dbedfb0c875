"""The part of the build that is code: three accelerators in C, left out where there is no compiler."""

import sysconfig

from setuptools import Extension, setup

# One build for all versions of Python from 3.11 on, but for those without a GIL, which have no stable ABI.
STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    ext_modules=[
        Extension(
            f"agenttrace.{room}.{name}",
            [f"src/agenttrace/{room}/{name}.c"],
            depends=["src/agenttrace/record/_scan.h"],
            optional=True,
            py_limited_api=STABLE,
        )
        for room, name in (("record", "_look"), ("journal", "_frame"), ("otel", "_members"))
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
