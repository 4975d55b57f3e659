"""Bandwidth rules: cron windows in which the torrent client gets other limits, and its own back afterwards."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ..config import BandwidthRule
from ..errors import EngineError
from ..journal.entry import Event
from ..journal.journal import Journal, Writer
from ..schedule import Schedule, fires_next
from ..storage.remembered import recall, remember
from .client import Limits
from .qbittorrent import QBittorrentClient

_LOGGER = logging.getLogger(__name__)

_BEFORE = "limits_before_rules"


class Bandwidth:
    """Holds the client's limits to the rules. `apply` may be called at any time and changes only what differs."""

    def __init__(
        self,
        rules: Sequence[BandwidthRule],
        client: QBittorrentClient,
        journal: Journal,
        time_zone: ZoneInfo,
        clock: Callable[[], float],
    ) -> None:
        self._rules = rules
        self._client = client
        self._journal = journal
        self._time_zone = time_zone
        self._clock = clock
        self._turn = asyncio.Lock()
        self.is_due = True
        """Whether the limits may differ from the rules, because applying them has not been done or has failed."""

    def schedule(self, schedule: Schedule) -> None:
        """Apply the rules whenever one begins or ends."""
        for rule in self._rules:
            schedule.add(f"bandwidth {rule.id} begins", rule.start_cron, self._apply_on_schedule)
            schedule.add(f"bandwidth {rule.id} ends", rule.end_cron, self._apply_on_schedule)

    def active_rules(self) -> tuple[BandwidthRule, ...]:
        """Give the rules whose window is open now."""
        now = datetime.fromtimestamp(self._clock(), self._time_zone)
        return tuple(rule for rule in self._rules if is_active(rule, now, self._time_zone))

    async def apply(self) -> None:
        """Bring the client's limits in line with the rules that hold now. Raises EngineError."""
        self.is_due = True
        async with self._turn:
            await self._apply()
        self.is_due = False

    async def _apply_on_schedule(self) -> None:
        try:
            await self.apply()
        except EngineError as error:
            _LOGGER.warning("Bandwidth limits wait for the torrent client: %s", error)

    async def _apply(self) -> None:
        active = self.active_rules()
        before = await self._journal.read(lambda connection: recall(connection, _BEFORE))
        if not active and before is None:
            return
        present = await self._client.limits()
        if before is None:
            before = [present.download_bps, present.upload_bps]
            # Remembered before the client is changed: whatever happens next, they can be put back.
            await self._journal.write(lambda writer: remember(writer.connection, _BEFORE, before))
        wanted = strictest(active) if active else Limits(*before)
        if present != wanted:
            await self._client.set_limits(wanted)
        names = ", ".join(rule.name for rule in active)
        why = f"{names} holds" if active else "No rule holds: the client has its own limits back"

        def record(writer: Writer) -> None:
            if not active:
                remember(writer.connection, _BEFORE, None)
            if present != wanted or not active:
                writer.record(
                    Event.BANDWIDTH,
                    who="trusttune",
                    why=why,
                    data={"download_bps": wanted.download_bps, "upload_bps": wanted.upload_bps},
                )

        await self._journal.write(record)


def is_active(rule: BandwidthRule, now: datetime, time_zone: ZoneInfo) -> bool:
    """Whether a rule's window is open: it ends before it begins again."""
    begins = fires_next(rule.start_cron, time_zone, now)
    ends = fires_next(rule.end_cron, time_zone, now)
    return ends is not None and (begins is None or ends < begins)


def strictest(rules: Sequence[BandwidthRule]) -> Limits:
    """Give the lowest limits of several rules, in the whole KiB that qBittorrent keeps; 0 is unlimited."""
    downloads = [_whole_kib(rule.download_bps) for rule in rules if rule.download_bps]
    uploads = [_whole_kib(rule.upload_bps) for rule in rules if rule.upload_bps]
    return Limits(min(downloads, default=0), min(uploads, default=0))


def _whole_kib(rate_bps: int) -> int:
    # Never down to 0, which would mean unlimited.
    return max(rate_bps // 1024, 1) * 1024
