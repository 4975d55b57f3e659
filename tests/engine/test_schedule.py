"""Cron expressions mean what cron(8) says, in the household's time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_components.trusttune.engine.schedule import CronTrigger, ScheduleError, fires_next

DUBLIN = ZoneInfo("Europe/Dublin")
WEDNESDAY = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 3 * * *", "2026-03-05T03:30"),
        ("0 8 * * 0", "2026-03-08T08:00"),  # Sunday
        ("0 8 * * 7", "2026-03-08T08:00"),  # Sunday, its other number
        ("0 8 * * 1", "2026-03-09T08:00"),  # Monday
        ("0 8 * * 6", "2026-03-07T08:00"),  # Saturday
        ("0 8 * * 1-5", "2026-03-05T08:00"),
        ("0 8 * * mon,fri", "2026-03-06T08:00"),
        ("*/15 13 * * *", "2026-03-04T13:00"),
        ("0 0 1 * *", "2026-04-01T00:00"),
    ],
)
def test_an_expression_fires_when_cron_would(cron: str, expected: str) -> None:
    fires = fires_next(cron, DUBLIN, WEDNESDAY)
    assert fires is not None
    assert fires.strftime("%Y-%m-%dT%H:%M") == expected


def test_a_change_of_the_clock_neither_skips_nor_doubles_a_nightly_job() -> None:
    for first, last in (("2026-03-27", "2026-03-31"), ("2026-10-23", "2026-10-27")):
        at, fired = datetime.fromisoformat(f"{first}T12:00").replace(tzinfo=DUBLIN), []
        while str(at.date()) < last:
            following = fires_next("30 1 * * *", DUBLIN, at)
            assert following is not None
            fired.append(following.date())
            at = following
        assert len(fired) == len(set(fired)) == 4


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "0 25 * * *", "a b c d e", "0 8 * * 5-1", "0 8 * * 8"])
def test_what_is_no_expression_is_refused_with_words(cron: str) -> None:
    with pytest.raises(ScheduleError, match="is not a cron expression"):
        CronTrigger(cron, DUBLIN)


@given(st.text(max_size=40))
def test_no_text_makes_it_fail_otherwise(cron: str) -> None:
    try:
        CronTrigger(cron, DUBLIN)
    except ScheduleError:
        return
