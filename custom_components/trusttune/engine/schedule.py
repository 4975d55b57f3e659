"""Cron expressions in the household's time zone, run by APScheduler; the scan and the bandwidth rules use it."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from .errors import EngineError

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class ScheduleError(EngineError):
    """A cron expression cannot be read."""


class Schedule:
    """Jobs by name. A job that is due while it still runs is left out; the jobs are idempotent."""

    def __init__(self, time_zone: ZoneInfo) -> None:
        self._time_zone = time_zone
        # An hour of grace: a machine that slept through 03:30 scans when it wakes.
        self._scheduler = AsyncIOScheduler(
            timezone=time_zone, job_defaults={"misfire_grace_time": 3600, "coalesce": True, "max_instances": 1}
        )

    def start(self) -> None:
        """Begin to run jobs on the running loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Run no more jobs."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def add(self, name: str, cron: str, job: Callable[[], Awaitable[object]]) -> None:
        """Run `job` whenever `cron` fires. Raises ScheduleError."""
        self._scheduler.add_job(job, trigger(cron, self._time_zone), id=name, replace_existing=True)

    def remove(self, name: str) -> None:
        """Run this job no more; one that is not there is fine."""
        if self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)

    def next_run(self, name: str) -> float | None:
        """Give when the job runs next, in seconds since the epoch."""
        job = self._scheduler.get_job(name)
        # Before start() a job has no such attribute.
        at: datetime | None = getattr(job, "next_run_time", None)
        return at.timestamp() if at is not None else None


def trigger(cron: str, time_zone: ZoneInfo) -> CronTrigger:
    """Read a five-field cron expression as cron(8) means it: Sunday is 0 or 7. Raises ScheduleError."""
    fields = cron.split()
    if len(fields) != 5:
        raise ScheduleError(f"{cron!r} is not a cron expression: it needs five fields, such as 30 3 * * *")
    try:
        minute, hour, day, month, weekday = fields
        return CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=_weekdays_by_name(weekday),
            timezone=time_zone,
        )
    except ValueError as error:
        raise ScheduleError(f"{cron!r} is not a cron expression: {error}") from error


def fires_next(cron: str, time_zone: ZoneInfo, after: datetime) -> datetime | None:
    """Give when an expression fires first after a moment; None where it never does."""
    fires: datetime | None = trigger(cron, time_zone).get_next_fire_time(None, after + timedelta(microseconds=1))
    return fires


def _weekdays_by_name(field: str) -> str:
    # APScheduler counts from Monday, cron from Sunday: names mean the same to both.
    chosen: list[str] = []
    for part in field.split(","):
        match = re.fullmatch(r"([0-7])(?:-([0-7]))?(?:/([1-7]))?", part)
        if match is None:
            chosen.append(part)
            continue
        first = int(match[1])
        last = int(match[2]) if match[2] else (6 if match[3] else first)
        if last < first:
            raise ValueError(f"{part} runs backwards")
        chosen += [_WEEKDAYS[day % 7] for day in range(first, last + 1, int(match[3] or 1))]
    return ",".join(chosen)
