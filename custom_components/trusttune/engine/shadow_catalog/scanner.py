"""The background scan: turns gaps in the library into tickets, a few a day, when the household allows it."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from ..config import ScanConfig
from ..errors import EngineError
from ..journal.entry import Event
from ..journal.journal import Journal, Writer
from ..schedule import Schedule
from ..storage.remembered import recall, remember
from ..tickets import store
from ..tickets.state import State
from ..tickets.ticket import Priority, Requester, Source
from ..wanted.album import WantedAlbum

_LOGGER = logging.getLogger(__name__)

_LAST_SCAN = "last_scan"
_TODAY = "scan_day"
_ENABLED = "scan_enabled"
JOB = "scan"


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan found and did; `skipped` says why gaps got no ticket. `at` is seconds since the epoch."""

    at: float
    gaps: int
    created: int
    skipped: tuple[str, ...] = ()


class Scanner:
    """Scans on its schedule, or when somebody asks."""

    def __init__(
        self,
        config: ScanConfig,
        journal: Journal,
        time_zone: ZoneInfo,
        clock: Callable[[], float],
        *,
        find_gaps: Callable[[], Awaitable[Sequence[WantedAlbum]]],
        catalogue_bytes: Callable[[], Awaitable[int]],
    ) -> None:
        self._config = config
        self._journal = journal
        self._time_zone = time_zone
        self._clock = clock
        self._find_gaps = find_gaps
        self._catalogue_bytes = catalogue_bytes
        self.is_enabled = config.enabled
        self.last: ScanReport | None = None

    async def start(self, schedule: Schedule) -> None:
        """Take up the schedule where it was left."""
        enabled, last = await self._journal.read(
            lambda connection: (recall(connection, _ENABLED), recall(connection, _LAST_SCAN))
        )
        self.is_enabled = self._config.enabled if enabled is None else bool(enabled)
        if last is not None:
            self.last = ScanReport(last["at"], last["gaps"], last["created"])
        if self._config.cron:
            schedule.add(JOB, self._config.cron, self._scan_on_schedule)

    async def enable(self, is_enabled: bool, *, who: str) -> None:
        """Switch the scheduled scan on or off; kept over restarts."""

        def work(writer: Writer) -> None:
            remember(writer.connection, _ENABLED, is_enabled)
            writer.record(Event.SCAN, who=who, why=f"The scan was switched {'on' if is_enabled else 'off'}")

        await self._journal.write(work)
        self.is_enabled = is_enabled

    async def scan(self, *, who: str) -> ScanReport:
        """Look for gaps now and make tickets of them, within the day's number and the storage budget.

        Raises EngineError where Lidarr, Jellyfin or the torrent client cannot be asked.
        """
        gaps = await self._find_gaps()
        has_room = await self._catalogue_bytes() < self._config.storage_budget_bytes
        self.last = await self._journal.write(
            lambda writer: self._make_tickets(writer, gaps, has_room=has_room, who=who)
        )
        return self.last

    def _make_tickets(self, writer: Writer, gaps: Sequence[WantedAlbum], *, has_room: bool, who: str) -> ScanReport:
        today = datetime.fromtimestamp(writer.now, self._time_zone).date().isoformat()
        counted = recall(writer.connection, _TODAY) or {}
        made_today: int = counted.get("made", 0) if counted.get("day") == today else 0
        left = self._config.max_new_tickets_per_day - made_today
        created, skipped = 0, []
        for wanted in gaps:
            name = f"{wanted.title} by {wanted.artist}"
            ended = store.ended_for_album(writer.connection, wanted)
            if ended in {State.REJECTED, State.CANCELLED}:
                skipped.append(f"{name}: somebody {ended} it before")
            elif ended is State.COMPLETED:
                skipped.append(f"{name}: placed before, Lidarr has not noticed yet")
            elif not has_room:
                skipped.append(f"{name}: the storage budget is used up")
            elif created >= left:
                skipped.append(f"{name}: enough new tickets today")
            else:
                requester = Requester("scan", Source.SCAN)
                _, is_new = store.request_ticket(writer, wanted, requester, priority=Priority.LOW, is_dry_run=False)
                created += is_new
        report = ScanReport(writer.now, len(gaps), created, tuple(skipped))
        remember(writer.connection, _TODAY, {"day": today, "made": made_today + created})
        remember(writer.connection, _LAST_SCAN, {"at": report.at, "gaps": report.gaps, "created": created})
        why = f"{len(gaps)} albums are missing; {created} new tickets"
        writer.record(Event.SCAN, who=who, why=why, data={"skipped": skipped[:50]})
        return report

    async def _scan_on_schedule(self) -> None:
        now = datetime.fromtimestamp(self._clock(), self._time_zone).time()
        if not self.is_enabled or is_quiet(self._config, now):
            return
        try:
            await self.scan(who="schedule")
        except EngineError as error:
            _LOGGER.warning("The scan was left out: %s", error)


def is_quiet(config: ScanConfig, now: time) -> bool:
    """Whether a time of day lies in the quiet hours, which may reach over midnight."""
    if not config.quiet_start or not config.quiet_end:
        return False
    start, end = time.fromisoformat(config.quiet_start), time.fromisoformat(config.quiet_end)
    return start <= now < end if start <= end else now >= start or now < end
