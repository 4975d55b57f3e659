"""The engine's one door: everything anybody may ask of it, and everything it tells."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from .acquisition import Acquisition
from .config import EngineConfig
from .connections import LIDARR_TIMEOUT_S, check_music_folder
from .errors import CredentialsError, EngineError, LibraryError, NotReachableError, TicketError
from .indexers.kinds import make_indexer
from .journal import entry as journal_rows
from .journal.entry import Entry
from .journal.journal import Journal
from .library.settle import Settling
from .orchestrator import Orchestrator
from .ports import Ports
from .schedule import Schedule
from .shadow_catalog.scanner import JOB as SCAN_JOB
from .shadow_catalog.scanner import Scanner, ScanReport
from .status import EngineStatus, Problem, ProblemKind
from .storage.database import Database
from .textbrain.brain import Brain
from .textbrain.candidate import Candidate
from .textbrain.llm import OllamaJudge
from .tickets import store
from .tickets.state import State
from .tickets.ticket import Priority, Requester, StoredCandidate, Ticket
from .torrents.bandwidth import Bandwidth
from .torrents.qbittorrent import QBittorrentClient
from .torrents.watch import Watch
from .wanted.album import WantedAlbum
from .wanted.gaps import find_gaps
from .wanted.jellyfin import JellyfinLibrary
from .wanted.lidarr import LidarrLibrary
from .wanted.musicbrainz import MusicBrainz

_LOGGER = logging.getLogger(__name__)

_MAX_NAME = 500
_CLIENT_ANSWERS_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Tickets, and the sequence number they are true at."""

    seq: int
    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class TicketDetails:
    """One ticket with its candidates and its journal, and the sequence number they are true at."""

    seq: int
    ticket: Ticket
    candidates: tuple[StoredCandidate, ...]
    journal: tuple[Entry, ...]


class Engine:
    """Completes a library. Make it, start it, ask it, stop it; errors are EngineError with words for people."""

    def __init__(self, config: EngineConfig, ports: Ports) -> None:
        self._config = config
        self._ports = ports
        self._database = Database(config.database)
        self._journal = Journal(self._database, ports.clock)
        self._client = QBittorrentClient(config.client)
        self._lidarr = (
            LidarrLibrary(config.lidarr, lambda: ports.http_client(LIDARR_TIMEOUT_S)) if config.lidarr else None
        )
        self._jellyfin = JellyfinLibrary(config.jellyfin) if config.jellyfin else None
        self._musicbrainz = MusicBrainz(config.musicbrainz, ports.session) if config.musicbrainz else None
        self._is_musicbrainz_away = False
        self._schedule = Schedule(config.time_zone)
        self._status = EngineStatus()
        self._status_subscribers: list[Callable[[EngineStatus], None]] = []
        self._failing_indexers: Mapping[str, str] = {}
        self._library_problems: dict[str, Problem] = {}
        self._missing_albums: int | None = None
        self._counts: Mapping[State, int] = {}
        self._recount = asyncio.Event()
        self._counter: asyncio.Task[None] | None = None

        ollama = config.brain.ollama
        self._judge = OllamaJudge(ollama, ports.ssl_context) if ollama is not None else None
        indexers = [make_indexer(each, ports.session) for each in config.indexers]
        self.indexer_names: Mapping[str, str] = {each.id: each.name for each in indexers}
        """What the household calls its indexers, by their ids."""
        self._acquisition = Acquisition(
            indexers,
            Brain(config.brain, config.profile, self._judge),
            ports.session,
            config.brain.auto_approve_threshold,
        )
        settling = Settling(config, self._journal, self._client, self._lidarr, self._jellyfin)
        self._orchestrator = Orchestrator(
            config, self._journal, self._acquisition, self._client, settling, self._enrich
        )
        self._orchestrator.on_indexers_asked = self._indexers_asked
        self._bandwidth = Bandwidth(config.bandwidth_rules, self._client, self._journal, config.time_zone, ports.clock)
        self._watch = Watch(
            config,
            self._journal,
            self._client,
            self._acquisition,
            self._orchestrator,
            on_round=self._publish_status,
            on_answer=self._client_answered,
        )
        self._scanner = Scanner(
            config.scan,
            self._journal,
            config.time_zone,
            ports.clock,
            find_gaps=self._find_gaps,
            catalogue_bytes=self._find_catalogue_bytes,
        )

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the database, take up what was under way and begin to work.

        Raises StorageError. A torrent client, Lidarr or Jellyfin that is away is no error here: the
        status names it as a problem.
        """
        await self._database.open()
        try:
            self._journal.subscribe(self._recorded)
            await self._scanner.start(self._schedule)
            if self._scanner.last is not None:
                self._missing_albums = self._scanner.last.gaps
            self._bandwidth.schedule(self._schedule)
            await self._check_music_folder()
            await self._count()
            self._schedule.start()
            self._counter = asyncio.create_task(self._keep_counting(), name="trusttune counts")
            self._orchestrator.start()
            self._watch.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all work and close everything; stopping twice is fine."""
        self._schedule.stop()
        if self._counter is not None:
            self._counter.cancel()
            await asyncio.gather(self._counter, return_exceptions=True)
            self._counter = None
        await self._watch.stop()
        await self._orchestrator.stop()
        if self._lidarr is not None:
            await self._lidarr.close()
        if self._judge is not None:
            await self._judge.close()
        with suppress(EngineError):
            await self._client.close()
        await self._database.close()

    # --- what people ask ------------------------------------------------------------------------

    async def request(
        self,
        artist: str,
        album: str,
        *,
        year: int | None = None,
        requester: Requester,
        priority: Priority = Priority.NORMAL,
        is_dry_run: bool = False,
    ) -> tuple[Ticket, bool]:
        """Ask for an album; give its ticket and whether it is new. Asking again joins the open ticket."""
        wanted = _wanted(artist, album, year)
        ticket, is_new = await self._journal.write(
            lambda writer: store.request_ticket(writer, wanted, requester, priority=priority, is_dry_run=is_dry_run)
        )
        self._orchestrator.wake()
        return ticket, is_new

    async def approve(self, ticket_id: str, *, candidate: int | None = None, who: str) -> Ticket:
        """Approve the candidate with this number, or the best one. Raises TicketError."""
        return await self._orchestrator.approve(ticket_id, candidate, who)

    async def reject(self, ticket_id: str, *, who: str, why: str = "") -> Ticket:
        """Reject everything that was found. Raises TicketError."""
        return await self._orchestrator.reject(ticket_id, who, why)

    async def cancel(self, ticket_id: str, *, who: str) -> Ticket:
        """Stop the torrent, then end the ticket. Raises TicketError."""
        return await self._orchestrator.cancel(ticket_id, who)

    async def retry(self, ticket_id: str, *, who: str) -> Ticket:
        """Go on where it failed. Raises TicketError."""
        return await self._orchestrator.retry(ticket_id, who)

    async def force_search(self, ticket_id: str, *, who: str) -> Ticket:
        """Search anew. Raises TicketError."""
        return await self._orchestrator.force_search(ticket_id, who)

    async def force_magnet(self, ticket_id: str, magnet: str, *, who: str) -> Ticket:
        """Download just this magnet link. Raises MetainfoError, TicketError."""
        return await self._orchestrator.force_magnet(ticket_id, magnet, who)

    async def search(self, artist: str, album: str, *, year: int | None = None) -> tuple[Candidate, ...]:
        """Look what the indexers have, judged and best first; makes no ticket."""
        found = await self._acquisition.find(await self._enrich(_wanted(artist, album, year)))
        self._indexers_asked(found.failures)
        return tuple(stored.candidate for stored in found.candidates)

    async def tickets(self, *, states: Collection[State] | None = None, limit: int = 500) -> Snapshot:
        """Give tickets, the most urgent first."""
        return await self._journal.read(
            lambda connection: Snapshot(
                journal_rows.last_seq(connection), store.list_tickets(connection, states=states, limit=limit)
            )
        )

    async def ticket(self, ticket_id: str) -> TicketDetails:
        """Give all about one ticket. Raises UnknownTicketError."""
        return await self._journal.read(
            lambda connection: TicketDetails(
                journal_rows.last_seq(connection),
                store.get_ticket(connection, ticket_id),
                store.get_candidates(connection, ticket_id),
                journal_rows.read(connection, ticket_id=ticket_id),
            )
        )

    def progress(self, ticket: Ticket) -> float | None:
        """Give how much of a ticket's download is there, 0 to 1; None where nothing downloads."""
        torrent = self._watch.torrents.get(ticket.info_hash or "")
        return torrent.progress if torrent is not None and ticket.state is State.DOWNLOADING else None

    async def scan_now(self, *, who: str) -> ScanReport:
        """Look for gaps and make tickets of them, whatever the time."""
        report = await self._scanner.scan(who=who)
        self._orchestrator.wake()
        return report

    async def set_scanner(self, enabled: bool, *, who: str) -> None:
        """Switch the scheduled scan on or off."""
        await self._scanner.enable(enabled, who=who)
        self._publish_status()

    # --- what it tells --------------------------------------------------------------------------

    def subscribe(self, callback: Callable[[Entry], None]) -> Callable[[], None]:
        """Call back with every journal row after it was committed, in order."""
        return self._journal.subscribe(callback)

    def subscribe_status(self, callback: Callable[[EngineStatus], None]) -> Callable[[], None]:
        """Call back with the status whenever it was looked at anew."""
        self._status_subscribers.append(callback)
        return lambda: self._status_subscribers.remove(callback) if callback in self._status_subscribers else None

    @property
    def status(self) -> EngineStatus:
        """How it is doing."""
        return self._status

    # --- inside ---------------------------------------------------------------------------------

    async def _client_answered(self, is_new: bool) -> None:
        if is_new or self._bandwidth.is_due:
            await self._bandwidth.apply()

    async def _enrich(self, wanted: WantedAlbum) -> WantedAlbum:
        """Learn the tracks of an album from Lidarr, or else from MusicBrainz; unknown to both it stays as it is."""
        if self._lidarr is not None:
            known = await self._ask("lidarr", self._lidarr.find_album(wanted.artist, wanted.title))
            if known is not None:
                return known
        return await self._look_up(wanted)

    async def _look_up(self, wanted: WantedAlbum) -> WantedAlbum:
        """Learn what MusicBrainz knows of an album. It can be done without: no failure of it holds a ticket up."""
        if self._musicbrainz is None:
            return wanted
        try:
            known = await self._musicbrainz.find_album(wanted.artist, wanted.title, wanted.year)
        except EngineError as error:
            if not self._is_musicbrainz_away:
                _LOGGER.warning("Searching without the track lists of MusicBrainz until it answers: %s", error)
            self._is_musicbrainz_away = True
            return wanted
        if self._is_musicbrainz_away:
            _LOGGER.info("MusicBrainz answers again")
        self._is_musicbrainz_away = False
        return replace(known, lidarr_album_id=wanted.lidarr_album_id) if known is not None else wanted

    async def _find_gaps(self) -> tuple[WantedAlbum, ...]:
        if self._lidarr is None:
            raise EngineError("Connect Lidarr to find out what is missing")
        gaps = await self._ask("lidarr", find_gaps(self._lidarr, self._jellyfin))
        self._missing_albums = len(gaps)
        return gaps

    async def _find_catalogue_bytes(self) -> int:
        """Give the catalogue's size, once the client has told it. Raises NotReachableError."""
        try:
            async with asyncio.timeout(_CLIENT_ANSWERS_WITHIN_S):
                await self._watch.has_answered.wait()
        except TimeoutError:
            raise NotReachableError("The torrent client does not answer: how much room is left is not known") from None
        return self._catalogue_bytes

    async def _ask[T](self, subject: str, question: Awaitable[T]) -> T:
        """Ask Lidarr or Jellyfin, and keep what goes wrong as a problem until it goes right."""
        try:
            answer = await question
        except EngineError as error:
            kind = ProblemKind.LIDARR_CREDENTIALS if isinstance(error, CredentialsError) else ProblemKind.LIDARR
            self._library_problems[subject] = Problem(kind, subject, str(error))
            self._publish_status()
            raise
        if self._library_problems.pop(subject, None):
            self._publish_status()
        return answer

    async def _check_music_folder(self) -> None:
        try:
            await check_music_folder(self._config.music_folder)
        except LibraryError as error:
            problem = Problem(ProblemKind.MUSIC_FOLDER, str(self._config.music_folder), str(error))
            self._library_problems["music_folder"] = problem

    def _indexers_asked(self, failures: Mapping[str, str]) -> None:
        self._failing_indexers = {self.indexer_names.get(each, each): why for each, why in failures.items()}
        self._publish_status()

    def _recorded(self, entry: Entry) -> None:
        if entry.to_state is not None:
            self._recount.set()
        if entry.to_state is State.DOWNLOADING:
            self._watch.look_soon()

    async def _keep_counting(self) -> None:
        while True:
            await self._recount.wait()
            self._recount.clear()
            try:
                await self._count()
            except EngineError:
                _LOGGER.exception("Tickets could not be counted")

    async def _count(self) -> None:
        self._counts = await self._journal.read(store.count_tickets)
        self._publish_status()

    @property
    def _catalogue_bytes(self) -> int:
        return sum(torrent.size_bytes for torrent in self._watch.torrents.values())

    def _publish_status(self) -> None:
        watch, last = self._watch, self._scanner.last
        self._status = EngineStatus(
            is_client_connected=watch.is_connected,
            client_version=watch.version,
            tickets=dict(self._counts),
            missing_albums=self._missing_albums,
            download_bps=watch.rates.download_bps,
            upload_bps=watch.rates.upload_bps,
            catalogue_bytes=self._catalogue_bytes,
            last_scan=last.at if last is not None else None,
            next_scan=self._schedule.next_run(SCAN_JOB) if self._scanner.is_enabled else None,
            is_scanner_enabled=self._scanner.is_enabled,
            failing_indexers=self._failing_indexers,
            problems=tuple(self._problems()),
        )
        for subscriber in tuple(self._status_subscribers):
            try:
                subscriber(self._status)
            except Exception:
                _LOGGER.exception("A subscriber of the status failed")

    def _problems(self) -> list[Problem]:
        problems = list(self._library_problems.values())
        error = self._watch.problem
        if error is not None:
            is_refused = isinstance(error, CredentialsError)
            kind = ProblemKind.CLIENT_CREDENTIALS if is_refused else ProblemKind.CLIENT_UNREACHABLE
            problems.append(Problem(kind, "client", str(error)))
        problems += [Problem(ProblemKind.INDEXER, name, why) for name, why in self._failing_indexers.items()]
        return problems


def _wanted(artist: str, album: str, year: int | None) -> WantedAlbum:
    artist, album = artist.strip()[:_MAX_NAME], album.strip()[:_MAX_NAME]
    if not artist or not album:
        raise TicketError("Say which album, and by which artist")
    return WantedAlbum(artist, album, year)
