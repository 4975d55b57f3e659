"""The Retry-After header (RFC 9110, section 10.2.3)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

DEFAULT_S: Final = 300.0
MAX_S: Final = 24 * 3600.0


def retry_after_s(value: str | None) -> float:
    """Give the seconds to wait: from a number or a date, a default without either, a day at most."""
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:10]), MAX_S)
    try:
        moment = parsedate_to_datetime(text)
        wait_s = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except ValueError, OverflowError:
        return DEFAULT_S
    return min(max(wait_s, 0.0), MAX_S)
