from collections.abc import Callable
from typing import Any

def members(
    head: str, attributes: dict[str, Any], keys: dict[str, bytes], other: Callable[[Any, Any], bytes], /
) -> bytes: ...
