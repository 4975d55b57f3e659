"""Follows the torrent client: what its torrents mean for the tickets that are downloading.

This is also the recovery: every round compares tickets with what the client really has, so the
first round after a crash does what was left undone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from ..acquisition import Acquisition
from ..config import EngineConfig
from ..errors import CredentialsError, EngineError, TorrentClientError, TransitionError
from ..journal.journal import Journal
from ..orchestrator import Orchestrator
from ..tickets import store
from ..tickets.state import State
from ..tickets.ticket import Ticket, ticket_ids_of
from .client import Progress, Torrent, TransferRates
from .qbittorrent import QBittorrentClient

_LOGGER = logging.getLogger(__name__)

IDLE_ROUNDS = 5
"""With nothing downloading the client is asked this many times less often."""
_PATIENT = {Progress.STOPPED, Progress.QUEUED, Progress.CHECKING, Progress.MOVING}


@dataclass(slots=True)
class Watched:
    """What the watch remembers of one download between rounds; losing it loses nothing."""

    completed_bytes: int = -1
    grew_at: float = 0.0
    missing_since: float | None = None
    is_selected: bool = False
    is_noted: bool = False


class Watch:
    """Polls the torrent client while something downloads."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        client: QBittorrentClient,
        acquisition: Acquisition,
        orchestrator: Orchestrator,
        *,
        on_round: Callable[[], None],
        on_answer: Callable[[bool], Awaitable[None]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._journal = journal
        self._client = client
        self._acquisition = acquisition
        self._orchestrator = orchestrator
        self._on_round = on_round
        self._on_answer = on_answer
        self._monotonic = monotonic
        self._watched: dict[str, Watched] = {}
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.torrents: Mapping[str, Torrent] = {}
        self.rates = TransferRates(0, 0)
        self.version = ""
        self.problem: EngineError | None = None
        self.is_connected = False
        self.has_answered = asyncio.Event()
        """Set once the client has told what it has."""

    def start(self) -> None:
        """Begin to follow the client."""
        self._task = asyncio.create_task(self._rounds(), name="trusttune watch")

    async def stop(self) -> None:
        """Follow it no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def look_soon(self) -> None:
        """Ask the client now rather than at the next round."""
        self._soon.set()

    async def _rounds(self) -> None:
        while True:
            is_active = await self._round()
            if isinstance(self.problem, CredentialsError):
                # Asking on with a refused password would get this address banned; a new one means a new engine.
                return
            pause = self._config.workers.poll_interval_s * (1 if is_active else IDLE_ROUNDS)
            try:
                async with asyncio.timeout(pause):
                    await self._soon.wait()
            except TimeoutError:
                pass
            self._soon.clear()

    async def _round(self) -> bool:
        """Ask once and act on it; True while something downloads."""
        try:
            tickets = await self._journal.read(
                lambda connection: (
                    *store.list_tickets(connection, states=[State.DOWNLOADING]),
                    *store.cancelling_tickets(connection),
                )
            )
            if not self.is_connected:
                self.version = await self._client.connect()
            self.torrents = await self._client.torrents()
            self.rates = await self._client.rates()
            is_new = not self.is_connected
            if is_new:
                self.is_connected, self.problem = True, None
                # Time that passed while nobody could look counts against no download.
                self._watched.clear()
                self.has_answered.set()
                _LOGGER.info("The torrent client answers (%s)", self.version)
            await self._on_answer(is_new)
            for ticket in {ticket.id: ticket for ticket in tickets}.values():
                await self._follow(ticket)
            await self._remove_unwanted()
        except EngineError as error:
            if self.is_connected or self.problem is None:
                _LOGGER.warning("The torrent client cannot be used: %s", error)
            self.is_connected, self.problem = False, error
            self.rates = TransferRates(0, 0)
            tickets = ()
        except Exception:
            _LOGGER.exception("A round over the torrent client failed")
            tickets = ()
        self._on_round()
        return bool(tickets) or not self.is_connected

    async def _follow(self, ticket: Ticket) -> None:
        if self._orchestrator.is_working_on(ticket.id):
            return
        try:
            if ticket.is_cancelling:
                await self._orchestrator.finish_cancel(ticket)
            else:
                await self._follow_download(ticket)
        except TransitionError:
            _LOGGER.debug("Ticket %s was moved by somebody else meanwhile", ticket.id)
        except TorrentClientError as error:
            if ticket.is_cancelling:
                _LOGGER.warning("Ticket %s cannot be cancelled yet: %s", ticket.id, error)
            else:
                await self._orchestrator.fail(ticket, str(error), retry=State.DOWNLOADING)

    async def _follow_download(self, ticket: Ticket) -> None:
        info_hash = ticket.info_hash
        assert info_hash is not None
        watched = self._watched.setdefault(f"{ticket.id} {info_hash}", Watched(grew_at=self._monotonic()))
        torrent = self.torrents.get(info_hash)
        if torrent is None:
            await self._find_missing(ticket, info_hash, watched)
            return
        watched.missing_since = None
        if not watched.is_noted:
            # A crash may have come between adding it and saying so.
            await self._journal.write(lambda writer: store.note_added(writer, ticket.id, info_hash))
            watched.is_noted = True
        if torrent.state is Progress.BROKEN:
            self._watched.pop(f"{ticket.id} {info_hash}", None)
            why = "The torrent client reports an error with its files. Look into the client, then retry."
            await self._orchestrator.fail(ticket, why, retry=State.DOWNLOADING)
            return
        if not watched.is_selected and torrent.state is not Progress.METADATA:
            watched.is_selected = await self._select(ticket, info_hash)
            if watched.is_selected:
                # What was seen before the selection says nothing about the files selected now.
                self._soon.set()
            return
        if torrent.state is Progress.COMPLETE:
            await self._orchestrator.downloaded(ticket)
            self._watched.pop(f"{ticket.id} {info_hash}", None)
            return
        await self._judge_growth(ticket, torrent, watched)

    async def _find_missing(self, ticket: Ticket, info_hash: str, watched: Watched) -> None:
        number = ticket.chosen
        was_added, stored = await self._journal.read(
            lambda connection: (
                store.was_added(connection, ticket.id, info_hash),
                store.get_candidate(connection, ticket.id, number) if number is not None else None,
            )
        )
        if not was_added and stored is not None and stored.torrent is not None:
            await self._orchestrator.hand_over(ticket.id, info_hash, stored.torrent)
            return
        now = self._monotonic()
        watched.missing_since = watched.missing_since if watched.missing_since is not None else now
        if now - watched.missing_since >= self._config.workers.missing_timeout_s:
            self._watched.pop(f"{ticket.id} {info_hash}", None)
            await self._orchestrator.removed_by_a_person(ticket)

    async def _select(self, ticket: Ticket, info_hash: str) -> bool:
        """Let the client fetch just the mapped files; False while it does not know them yet."""
        files = await self._client.files(info_hash)
        number = ticket.chosen
        if not files or number is None:
            return False
        stored = await self._journal.read(lambda connection: store.get_candidate(connection, ticket.id, number))
        if stored is None:
            return False
        candidate = stored.candidate
        if candidate.mapping is None:
            candidate = await self._acquisition.see_files(ticket.wanted, candidate, files)
            await self._journal.write(
                lambda writer: store.keep_torrent(
                    writer, ticket.id, number, candidate, stored.info_hash, stored.torrent
                )
            )
        mapping = candidate.mapping
        if mapping is None or not mapping.files:
            await self._orchestrator.set_aside(ticket, "None of its files is a track of the album")
            return False
        # One torrent may serve several tickets, and each keeps its files.
        chosen = await self._journal.read(lambda connection: store.wanted_files(connection, info_hash))
        if len(chosen) < len(files):
            await self._client.select_files(info_hash, chosen)
        return True

    async def _judge_growth(self, ticket: Ticket, torrent: Torrent, watched: Watched) -> None:
        now = self._monotonic()
        if torrent.completed_bytes != watched.completed_bytes or torrent.state in _PATIENT:
            watched.completed_bytes, watched.grew_at = torrent.completed_bytes, now
            return
        workers = self._config.workers
        is_bare = torrent.state is Progress.METADATA
        patience = workers.metadata_timeout_s if is_bare else workers.stall_timeout_s
        if now - watched.grew_at >= patience:
            what = "Nobody could tell what the magnet link holds" if is_bare else "Nothing arrived any more"
            await self._orchestrator.set_aside(ticket, f"{what} for {_duration(patience)}")

    async def _remove_unwanted(self) -> None:
        """Remove torrents that a crash or a failure left behind: quarantined, cancelled or rejected ones."""
        ours = {
            info_hash: ticket_ids
            for info_hash, torrent in self.torrents.items()
            if (ticket_ids := ticket_ids_of(torrent.tags))
        }
        unwanted = await self._journal.read(lambda connection: store.unwanted_torrents(connection, ours))
        for info_hash in unwanted:
            await self._client.delete(info_hash, with_files=True)


def _duration(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
