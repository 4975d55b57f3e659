"""From a wanted album to judged candidates: asks the indexers, lets TextBrain judge, looks into the best torrents."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import aiohttp

from .errors import EngineError, MetainfoError
from .indexers.fanout import Indexer, search_all
from .indexers.release import IndexedRelease
from .indexers.torrent_link import ResolvedTorrent, resolve
from .textbrain.brain import Brain, standing, with_mapping
from .textbrain.candidate import Candidate, Finding, Verdict
from .textbrain.files import map_files
from .textbrain.queries import query_ladder
from .tickets.ticket import StoredCandidate
from .torrents.client import TorrentFile
from .wanted.album import WantedAlbum

LOOKS_INSIDE = 3
"""How many torrents are fetched at most before somebody approved one: some trackers count each as a grab."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought: candidates best first, indexers that failed (name to why), notes for the journal."""

    candidates: tuple[StoredCandidate, ...]
    failures: dict[str, str]
    notes: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()


class Acquisition:
    """Finds and judges releases; decides nothing about tickets."""

    def __init__(
        self, indexers: Sequence[Indexer], brain: Brain, session: aiohttp.ClientSession, confident_from: float
    ) -> None:
        self._indexers = indexers
        self._brain = brain
        self._session = session
        self._confident_from = confident_from

    async def find(self, wanted: WantedAlbum, bad: Collection[str] = ()) -> Found:
        """Search, judge and look inside. `bad` are releases (info hash or release_names) to leave out."""
        releases: dict[tuple[str, str], IndexedRelease] = {}
        failures: dict[str, str] = {}
        notes: dict[str, None] = {}
        queries: list[str] = []
        judged: tuple[Candidate, ...] = ()
        # Transliteration tables are read from disk at their first use.
        for query in await asyncio.to_thread(query_ladder, wanted):
            queries.append(query.text)
            report = await search_all(self._indexers, query)
            failures |= report.failures
            before = len(releases)
            for release in report.releases:
                if not set(release_names(release)) & set(bad):
                    releases.setdefault((release.indexer_id, release.guid), release)
            if len(releases) == before:
                continue
            judgement = await self._brain.judge(wanted, tuple(releases.values()))
            judged = judgement.candidates
            notes |= dict.fromkeys(judgement.notes)
            if judged and judged[0].confidence >= self._confident_from:
                break
        candidates = await self._look_inside(wanted, judged, bad)
        return Found(candidates, failures, tuple(notes), tuple(queries))

    async def fetch(self, candidate: Candidate) -> ResolvedTorrent:
        """Fetch a candidate's torrent. Raises MetainfoError or another EngineError."""
        return await resolve(self._session, candidate.release.link)

    async def _look_inside(
        self, wanted: WantedAlbum, judged: Sequence[Candidate], bad: Collection[str]
    ) -> tuple[StoredCandidate, ...]:
        """Fetch the best torrents until the best one has been seen from inside."""
        ranked = [StoredCandidate(0, candidate) for candidate in judged]
        for _ in range(LOOKS_INSIDE):
            if not ranked or ranked[0].candidate.is_refused or ranked[0].torrent is not None:
                break
            ranked[0] = await self._look_at(wanted, ranked[0].candidate, bad)
            ranked.sort(key=lambda stored: standing(stored.candidate))
        return tuple(ranked)

    async def _look_at(self, wanted: WantedAlbum, candidate: Candidate, bad: Collection[str]) -> StoredCandidate:
        try:
            resolved = await self.fetch(candidate)
        except MetainfoError as error:
            return StoredCandidate(0, refused(candidate, "torrent", f"Its torrent cannot be used: {error}"))
        except EngineError as error:
            return StoredCandidate(0, refused(candidate, "torrent", f"Its torrent cannot be fetched: {error}"))
        if resolved.info_hash in bad:
            return StoredCandidate(0, refused(candidate, "history", "It was tried before and found bad"))
        seen = await self.see(wanted, candidate, resolved)
        if seen.is_refused:
            return StoredCandidate(0, seen)
        return StoredCandidate(0, seen, resolved.info_hash, resolved.source)

    async def see(self, wanted: WantedAlbum, candidate: Candidate, resolved: ResolvedTorrent) -> Candidate:
        """Judge a candidate again, now with what its torrent holds; a magnet link holds nothing yet."""
        metainfo = resolved.metainfo
        if metainfo is None:
            return candidate
        if metainfo.hostile_paths:
            return refused(candidate, "torrent", "Its torrent holds file names that try to leave their folder")
        return await self.see_files(wanted, candidate, metainfo.files)

    @staticmethod
    async def see_files(wanted: WantedAlbum, candidate: Candidate, files: Sequence[TorrentFile]) -> Candidate:
        """Judge a candidate again, now with its list of files."""
        mapping = await asyncio.to_thread(map_files, wanted, files)
        return with_mapping(candidate, mapping, wanted)


def refused(candidate: Candidate, check: str, why: str) -> Candidate:
    """Give the candidate with a refusal that was found later than the judging."""
    finding = Finding(check, Verdict.REFUSED, why)
    return replace(candidate, confidence=0.0, findings=(*candidate.findings, finding), explanation=why)


def release_names(release: IndexedRelease) -> tuple[str, ...]:
    """Give every name under which a release can be remembered as bad."""
    names = (f"{release.indexer_id} {release.guid}",)
    return (*names, release.info_hash) if release.info_hash else names
