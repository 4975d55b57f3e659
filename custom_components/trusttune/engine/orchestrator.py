"""The workers that move tickets; nothing else moves one.

Three stages work on tickets, each on a few at once and the most urgent first: acquire, download,
settle. A fourth worker, the watch in torrents/watch.py, follows the torrent client. Engine gives
people's decisions to the methods of Orchestrator.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .acquisition import Acquisition
from .config import EngineConfig
from .errors import (
    EngineError,
    IndexerError,
    MetainfoError,
    NotReachableError,
    RateLimitedError,
    TicketError,
    TorrentClientError,
    TransitionError,
)
from .journal.entry import Event
from .journal.journal import Journal, Writer
from .library.settle import Settling
from .tickets import decisions, store
from .tickets.decisions import WHO
from .tickets.state import SAFE_STATE, State, is_allowed
from .tickets.ticket import Ticket
from .torrents.qbittorrent import QBittorrentClient
from .wanted.album import WantedAlbum

_LOGGER = logging.getLogger(__name__)

MAX_GRABS = 5
"""So many releases are downloaded for a ticket before a person has to look; each retry allows as many again."""
MAX_RETRIES = 6
FIRST_RETRY_S = 5.0
_LAST_PAUSE_S = 300.0


class _LibraryAwayError(EngineError):
    """Lidarr cannot be asked about an album now."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Tickets in these states are worked on by this step, so many at once."""

    name: str
    states: frozenset[State]
    step: Callable[[Ticket], Awaitable[None]]
    capacity: int


@dataclass(slots=True)
class Delay:
    """A ticket that waits before it is tried again, because the other side was away."""

    tries: int = 0
    until: float = 0.0
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)


class Orchestrator:
    """Moves tickets from pending to completed."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        acquisition: Acquisition,
        client: QBittorrentClient,
        settling: Settling,
        enrich: Callable[[WantedAlbum], Awaitable[WantedAlbum]],
    ) -> None:
        self._config = config
        self._journal = journal
        self._acquisition = acquisition
        self._client = client
        self._settling = settling
        self._enrich = enrich
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._stage_of: dict[str, str] = {}
        self._delays: dict[str, Delay] = {}
        self._dispatcher: asyncio.Task[None] | None = None
        self.on_indexers_asked: Callable[[Mapping[str, str]], None] = lambda failures: None
        workers = config.workers
        self._stages = (
            Stage("acquire", frozenset({State.PENDING, State.ACQUIRING}), self._acquire, workers.searches),
            Stage("download", frozenset({State.AUTO_APPROVED, State.APPROVED}), self._download, workers.downloads),
            Stage(
                "settle",
                frozenset({State.VERIFYING, State.CONVERTING, State.PLACING}),
                self._settle,
                workers.placements,
            ),
        )

    def start(self) -> None:
        """Begin to work; tickets that were under way when the engine last stopped go on."""
        self._wake.set()
        self._dispatcher = asyncio.create_task(self._dispatch(), name="trusttune dispatcher")

    async def stop(self) -> None:
        """Stop working; what is half done goes on at the next start."""
        tasks = [*self._running.values(), *([self._dispatcher] if self._dispatcher else [])]
        self._dispatcher = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for delay in self._delays.values():
            if delay.timer:
                delay.timer.cancel()
        self._delays.clear()

    def is_working_on(self, ticket_id: str) -> bool:
        """Whether a stage works on this ticket at this moment."""
        return ticket_id in self._running

    def wake(self) -> None:
        """Look for tickets whose turn it is."""
        self._wake.set()

    # --- what people decide --------------------------------------------------------------------

    async def approve(self, ticket_id: str, number: int | None, who: str) -> Ticket:
        """Approve a candidate by its number, or the best one. Raises TicketError."""
        return await self._decide(lambda writer: decisions.approve(writer, ticket_id, number, who))

    async def reject(self, ticket_id: str, who: str, why: str) -> Ticket:
        """Reject what was found; the ticket ends. Raises TicketError."""
        return await self._decide(lambda writer: decisions.reject(writer, ticket_id, who, why))

    async def retry(self, ticket_id: str, who: str) -> Ticket:
        """Go on with a failed ticket where it was last safe. Raises TicketError."""
        return await self._decide(lambda writer: decisions.retry(writer, ticket_id, who))

    async def force_search(self, ticket_id: str, who: str) -> Ticket:
        """Search again from the beginning. Raises TicketError."""
        return await self._decide(lambda writer: decisions.force_search(writer, ticket_id, who))

    async def force_magnet(self, ticket_id: str, magnet: str, who: str) -> Ticket:
        """Download just this magnet link for the ticket. Raises MetainfoError, TicketError."""
        return await self._decide(lambda writer: decisions.force_magnet(writer, ticket_id, magnet, who))

    async def cancel(self, ticket_id: str, who: str) -> Ticket:
        """Cancel: the torrent is stopped first. While the client is away the ticket says it is cancelling."""
        ticket = await self._journal.write(lambda writer: store.request_cancel(writer, ticket_id, who=who))
        task = self._running.get(ticket_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        try:
            return await self.finish_cancel(ticket, who)
        except TicketError:
            raise
        except EngineError as error:
            _LOGGER.info("Ticket %s is cancelled when its torrent can be stopped: %s", ticket.id, error)
            return ticket

    async def finish_cancel(self, ticket: Ticket, who: str = WHO) -> Ticket:
        """Take a cancelled ticket's torrent out of the client, then say it is cancelled. Raises EngineError."""
        info_hash = ticket.info_hash
        if info_hash is not None:
            torrent = (await self._client.torrents()).get(info_hash)
            is_shared = await self._journal.read(lambda connection: store.is_shared(connection, info_hash, ticket.id))
            if torrent is not None and ticket.tag in torrent.tags and not is_shared:
                await self._client.delete(info_hash, with_files=True)

        def end(writer: Writer) -> Ticket:
            present = store.get_ticket(writer.connection, ticket.id)
            if present.state is State.CANCELLED:
                return present
            return store.move_ticket(writer, ticket.id, State.CANCELLED, who=who, why="Cancelled", is_cancelling=0)

        return await self._decide(end)

    async def _decide(self, work: Callable[[Writer], Ticket]) -> Ticket:
        ticket = await self._journal.write(work)
        self._forget_delay(ticket.id)
        self.wake()
        return ticket

    # --- what the watch over the torrent client finds ----------------------------------------------

    async def downloaded(self, ticket: Ticket) -> None:
        """Go on with a torrent the client has whole: it is checked next."""
        await self._move(ticket, State.VERIFYING, "The download is complete")

    async def set_aside(self, ticket: Ticket, why: str, *, data: Mapping[str, Any] | None = None) -> None:
        """Remember the chosen release as bad for this ticket and look for the next one.

        The torrent itself goes in the watch's next round, which removes every quarantined one.
        """
        await self._journal.write(lambda writer: decisions.set_aside(writer, ticket, why, data))
        self.wake()

    async def removed_by_a_person(self, ticket: Ticket) -> None:
        """Fail because a person took the torrent out of the client: it is not brought back."""
        await self._journal.write(lambda writer: decisions.removed_by_a_person(writer, ticket))

    async def fail(self, ticket: Ticket, why: str, *, retry: State | None) -> None:
        """End the work on a ticket; `retry` is where a person's retry goes on."""
        await self._move(ticket, State.FAILED, why, retry_state=retry)

    # --- the stages -------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                for stage in self._stages:
                    await self._fill(stage)
            except Exception:
                _LOGGER.exception("Tickets could not be read; trying again in %s s", FIRST_RETRY_S)
                await asyncio.sleep(FIRST_RETRY_S)
                self.wake()

    async def _fill(self, stage: Stage) -> None:
        busy = sum(1 for name in self._stage_of.values() if name == stage.name)
        counts = await self._journal.read(store.count_tickets)
        if stage.name == "download":
            busy += counts.get(State.DOWNLOADING, 0)
        free = stage.capacity - busy
        if free <= 0 or not any(counts.get(state) for state in stage.states):
            return
        held = {*self._running, *(ticket_id for ticket_id, delay in self._delays.items() if delay.timer)}
        tickets = await self._journal.read(
            lambda connection: store.list_tickets(
                connection, states=stage.states, limit=free + len(held), with_cancelling=False
            )
        )
        for ticket in [each for each in tickets if each.id not in held][:free]:
            self._stage_of[ticket.id] = stage.name
            self._running[ticket.id] = asyncio.create_task(
                self._work(stage, ticket), name=f"trusttune {stage.name} {ticket.id}"
            )

    async def _work(self, stage: Stage, ticket: Ticket) -> None:
        try:
            await stage.step(ticket)
            self._forget_delay(ticket.id)
        except TransitionError:
            _LOGGER.debug("Ticket %s was moved by somebody else meanwhile", ticket.id)
        except Exception as error:  # noqa: BLE001 - told by what follows; a worker never dies of a ticket
            try:
                await self._give_up_or_wait(ticket, error)
            except Exception:
                # Not even that could be written down: the disk may be full. The ticket stays where it is.
                _LOGGER.exception("Ticket %s could not be failed", ticket.id)
                self._wait(ticket.id, _LAST_PAUSE_S)
        finally:
            self._running.pop(ticket.id, None)
            self._stage_of.pop(ticket.id, None)
            self.wake()

    async def _give_up_or_wait(self, ticket: Ticket, error: Exception) -> None:
        match error:
            case _LibraryAwayError():
                await self._later(ticket, error, gives_up=False)
            case NotReachableError():
                await self._later(ticket, error)
            case RateLimitedError():
                await self._later(ticket, error, pause_s=error.retry_after_s)
            case EngineError():
                await self._fail_here(ticket, str(error))
            case _:
                _LOGGER.error("Ticket %s failed while it was %s", ticket.id, ticket.state, exc_info=error)
                await self._fail_here(ticket, f"Something unexpected went wrong ({type(error).__name__})")

    async def _later(
        self, ticket: Ticket, error: EngineError, *, gives_up: bool = True, pause_s: float = FIRST_RETRY_S
    ) -> None:
        """Try again after a pause that doubles; the last time it fails."""
        tries = self._delays.setdefault(ticket.id, Delay()).tries
        if tries >= MAX_RETRIES and gives_up:
            await self._fail_here(ticket, str(error))
            return
        if tries == 0:
            await self._note(ticket.id, f"{error} Trying again soon.")
        self._wait(ticket.id, min(pause_s * 2**tries, max(pause_s, _LAST_PAUSE_S)))

    def _wait(self, ticket_id: str, pause_s: float) -> None:
        """Leave a ticket alone for a while."""
        delay = self._delays.setdefault(ticket_id, Delay())
        delay.tries += 1

        def expired() -> None:
            delay.timer = None
            self.wake()

        delay.timer = asyncio.get_running_loop().call_later(pause_s, expired)

    def _forget_delay(self, ticket_id: str) -> None:
        delay = self._delays.pop(ticket_id, None)
        if delay is not None and delay.timer is not None:
            delay.timer.cancel()

    async def _fail_here(self, ticket: Ticket, why: str) -> None:
        present = await self._journal.read(lambda connection: store.get_ticket(connection, ticket.id))
        if is_allowed(present.state, State.FAILED):
            self._forget_delay(ticket.id)
            await self.fail(present, why, retry=SAFE_STATE[present.state])

    async def _acquire(self, ticket: Ticket) -> None:
        if ticket.state is State.PENDING:
            ticket = await self._move(
                ticket, State.ACQUIRING, "Looking for it on the indexers", attempts=ticket.attempts + 1
            )
        if not ticket.wanted.tracks:
            try:
                wanted = await self._enrich(ticket.wanted)
            except EngineError as error:
                # Its outage is no ticket's fault: they all wait until it is back.
                raise _LibraryAwayError(str(error)) from error
            if wanted != ticket.wanted:
                await self._journal.write(lambda writer: store.enrich_wanted(writer, ticket.id, wanted))
                ticket = await self._journal.read(lambda connection: store.get_ticket(connection, ticket.id))
        bad, grabs = await self._journal.read(
            lambda connection: (
                store.quarantined(connection, ticket.id),
                store.grabbed(connection, ticket.id),
            )
        )
        if len(grabs) >= MAX_GRABS * ticket.attempts:
            await self._move(ticket, State.ACQUISITION_FAILED, f"{len(grabs)} releases were tried and none was right")
            return
        found = await self._acquisition.find(ticket.wanted, {*bad, *grabs})
        self.on_indexers_asked(found.failures)
        await self._journal.write(lambda writer: decisions.conclude_search(writer, ticket, found, self._config.brain))

    async def _download(self, ticket: Ticket) -> None:
        number = ticket.chosen
        assert number is not None
        stored = await self._journal.read(lambda connection: store.get_candidate(connection, ticket.id, number))
        assert stored is not None
        torrent, info_hash, candidate = stored.torrent, stored.info_hash, stored.candidate
        if torrent is None or info_hash is None:
            try:
                resolved = await self._acquisition.fetch(candidate)
            except (MetainfoError, IndexerError) as error:
                await self.set_aside(ticket, f"Its torrent cannot be used: {error}")
                return
            if resolved.metainfo is not None and resolved.metainfo.hostile_paths:
                await self.set_aside(ticket, "Its torrent holds file names that try to leave their folder")
                return
            candidate = await self._acquisition.see(ticket.wanted, candidate, resolved)
            torrent, info_hash = resolved.source, resolved.info_hash
        kept_hash, kept_torrent, kept = info_hash, torrent, candidate

        def begin(writer: Writer) -> bool:
            store.keep_torrent(writer, ticket.id, number, kept, kept_hash, kept_torrent)
            if not store.begin_grab(writer, ticket.id, kept_hash):
                return False
            store.move_ticket(
                writer,
                ticket.id,
                State.DOWNLOADING,
                expected=ticket.state,
                who=WHO,
                why=f"Downloading {kept.release.title}",
                data={"info_hash": kept_hash, "licence": kept.release.licence},
                info_hash=kept_hash,
            )
            return True

        if not await self._journal.write(begin):
            await self.set_aside(ticket, "This release was downloaded for this ticket before")
            return
        try:
            await self.hand_over(ticket.id, kept_hash, kept_torrent)
        except NotReachableError as error:
            _LOGGER.info("Ticket %s waits for the torrent client: %s", ticket.id, error)
        except TorrentClientError as error:
            present = await self._journal.read(lambda connection: store.get_ticket(connection, ticket.id))
            await self.set_aside(present, str(error))

    async def hand_over(self, ticket_id: str, info_hash: str, torrent: bytes | str) -> None:
        """Give a ticket's torrent to the client; one that is there already is fine. Raises EngineError."""
        ticket = await self._journal.read(lambda connection: store.get_ticket(connection, ticket_id))
        await self._client.add(
            torrent, info_hash=info_hash, tags=[ticket.tag], save_path=self._config.client.download_folder
        )
        await self._journal.write(lambda writer: store.note_added(writer, ticket_id, info_hash))

    async def _settle(self, ticket: Ticket) -> None:
        if ticket.state is State.VERIFYING:
            verdict = await self._settling.verify(ticket)
            if not verdict.is_trusted:
                await self.set_aside(ticket, verdict.why, data=verdict.report)
                return
            ticket = await self._move(ticket, State.CONVERTING, verdict.why, data=verdict.report)
        if ticket.state is State.CONVERTING:
            ticket = await self._move(ticket, State.PLACING, "Its format is one the household keeps as it is")
        placement = await self._journal.read(lambda connection: store.get_placement(connection, ticket.id))
        if placement is None:
            placed = await self._settling.place(ticket)
            # Kept before anybody is told: whatever happens then, it is known what was created.
            await self._journal.write(lambda writer: store.keep_placement(writer, ticket.id, placed))
            placement = dict(placed)
        notes = await self._settling.tell(ticket)
        await self._complete(ticket, placement, notes)

    async def _complete(self, ticket: Ticket, placement: Mapping[str, Any], notes: Sequence[str]) -> None:
        def complete(writer: Writer) -> None:
            for note in notes:
                writer.record(Event.NOTE, ticket_id=ticket.id, who=WHO, why=note)
            why = f"{len(placement['files'])} files are in {placement['folder']}"
            store.move_ticket(writer, ticket.id, State.COMPLETED, who=WHO, why=why, data=placement)

        await self._journal.write(complete)
        self.wake()

    async def _move(
        self,
        ticket: Ticket,
        following: State,
        why: str,
        *,
        data: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Ticket:
        moved = await self._journal.write(
            lambda writer: store.move_ticket(
                writer, ticket.id, following, expected=ticket.state, who=WHO, why=why, data=data, **changes
            )
        )
        self.wake()
        return moved

    async def _note(self, ticket_id: str, why: str) -> None:
        await self._journal.write(lambda writer: writer.record(Event.NOTE, ticket_id=ticket_id, who=WHO, why=why))
