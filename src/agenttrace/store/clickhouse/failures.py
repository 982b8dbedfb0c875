"""What an error of the driver or the engine means to whoever called the store. No I/O."""

from __future__ import annotations

import struct
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError, DataError
from urllib3.exceptions import HTTPError

from agenttrace.errors import StoreError, StoreRejected, StoreUnavailable

__all__ = ["failure"]

#: ClickHouse's codes of errors that speak of values; with any other the same call may work later.
_VALUES = frozenset((6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349))
_UNFIT = (DataError, struct.error, UnicodeError, OverflowError, TypeError, ValueError)
_LONGEST = 200


def failure(url: str, error: BaseException) -> StoreError | None:
    """Return what to raise instead of an error, or None where it is none of the store's.

    The engine's own words may quote rows, so its errors are named by code and name alone.
    """
    if isinstance(error, StoreError):
        return None
    code: Any = getattr(error, "code", None)
    if isinstance(error, DataError) or (isinstance(error, ClickHouseError) and code in _VALUES):
        return StoreRejected(f"{url}: ClickHouse does not take these values ({_named(error, code)})")
    if isinstance(error, ClickHouseError | HTTPError | OSError):
        return StoreUnavailable(f"{url}: {_named(error, code)}")
    if isinstance(error, _UNFIT):
        return StoreRejected(f"{url}: {type(error).__name__}: a value does not fit its column")
    return None


def _named(error: BaseException, code: object) -> str:
    if code:
        return f"ClickHouse error {code} {getattr(error, 'name', None) or ''}".rstrip()
    return f"{type(error).__name__}: {str(error).splitlines()[0][:_LONGEST] if str(error) else ''}"
