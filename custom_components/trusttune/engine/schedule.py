"""Cron expressions in the household's time zone, run by APScheduler; the scan and the bandwidth rules use it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from cronsim import CronSim, CronSimError

from .errors import EngineError


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
        self._scheduler.add_job(job, CronTrigger(cron, self._time_zone), id=name, replace_existing=True)

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


class CronTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires as cron(8) would: Sunday is 0 or 7, and a change of the clock neither skips nor doubles a daily job.

    APScheduler's own cron trigger counts days from Monday and left out the first of a month after a change of
    the clock; the expressions are read by cronsim, which Home Assistant has.
    """

    def __init__(self, cron: str, time_zone: ZoneInfo) -> None:
        """Read an expression. Raises ScheduleError."""
        try:
            CronSim(cron, datetime.now(time_zone))
        except CronSimError as error:
            raise ScheduleError(
                f"{cron!r} is not a cron expression ({error}): it needs five fields, such as 30 3 * * *"
            ) from error
        if len(cron.split()) != 5:
            raise ScheduleError(f"{cron!r} is not a cron expression of five fields, such as 30 3 * * *")
        self._cron = cron
        self._time_zone = time_zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Give the first time after now (and after the previous one); None where there is none in fifty years."""
        after = max(now, previous_fire_time) if previous_fire_time is not None else now
        return next(CronSim(self._cron, after.astimezone(self._time_zone)), None)


def fires_next(cron: str, time_zone: ZoneInfo, after: datetime) -> datetime | None:
    """Give when an expression fires first after a moment; None where it never does. Raises ScheduleError."""
    return CronTrigger(cron, time_zone).get_next_fire_time(None, after)
