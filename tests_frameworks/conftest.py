"""The fake API, and each example of the pages run once against it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests_frameworks.fake_openai import serving
from tests_frameworks.framework_pages import Recorded, Shown, run, shown

EXAMPLES = shown()


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture(scope="session", params=EXAMPLES.values(), ids=EXAMPLES)
def example(request: pytest.FixtureRequest) -> Shown:
    return request.param


@pytest.fixture(scope="session")
def recorded(example: Shown, api: str, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return run(example, tmp_path_factory.mktemp(example.name), api)
