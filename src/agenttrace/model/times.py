"""Times: integer microseconds since the Unix epoch, UTC, and the datetimes and texts that users see. Pure.

Inside agenttrace a time is an integer; it becomes an aware `datetime` or RFC 3339 text at the rim.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

__all__ = ["DAY", "MILLISECOND", "SECOND", "day_of", "micros", "millisecond_text", "start_of_day", "utc"]

MILLISECOND = 1_000
SECOND = 1_000_000
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Return the microseconds since the epoch of a datetime; one without a zone is taken as UTC.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, 5))
    1000005
    """
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


_MIN = micros(datetime.min.replace(tzinfo=UTC))
_MAX = micros(datetime.max.replace(tzinfo=UTC))


def utc(time: int) -> datetime:
    """Return the aware UTC datetime of a time; one outside the years 1 to 9999 becomes the nearest that is inside.

    >>> utc(1_705_314_900_000_000).isoformat()
    '2024-01-15T10:35:00+00:00'
    """
    return _EPOCH + timedelta(microseconds=time if _MIN <= time <= _MAX else min(max(time, _MIN), _MAX))


def start_of_day(day: date) -> int:
    """Return the time of a day's first instant, midnight UTC.

    >>> start_of_day(date(1970, 1, 2)) == DAY
    True
    """
    return (day.toordinal() - _EPOCH_DAY) * DAY


def day_of(time: int) -> date:
    """Return the UTC day that a time falls on."""
    return utc(time).date()


def millisecond_text(instant: datetime) -> str:
    """Return RFC 3339 text in UTC that always has milliseconds; what is finer is cut off.

    >>> millisecond_text(datetime(2025, 6, 20, 11, 58, 41, 123999, tzinfo=UTC))
    '2025-06-20T11:58:41.123Z'
    """
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
