"""The register of torrents: every change to one goes through here, every alert about one ends here."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libtorrent as lt

from ..session.addresses import drop_named_sources
from ..session.engine import Engine
from .contents import Contents, contents_of, renames_of
from .fields import effective_limits, last_activity, share_ratio
from .folder import StateFolder
from .names import clean_text
from .preferences import Preferences
from .roots import Roots
from .torrent import GLOBAL_LIMIT, TorrentRecord

_LOGGER = logging.getLogger(__name__)

SAVE_AFTER_S = 20.0
SHUTDOWN_SAVE_S = 8.0
REMOVAL_S = 10.0
_FLAGS = lt.torrent_flags
_SAVE_FLAGS = lt.torrent_handle.save_info_dict | lt.torrent_handle.flush_disk_cache
_TRACKER_SCHEMES = ("http://", "https://", "udp://")
_WEB_SEED_SCHEMES = ("http://", "https://")
MAX_TRACKERS = 200
MAX_WEB_SEEDS = 50


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a torrent is to be added. Limits are bytes per second, 0 unlimited."""

    save_path: Path
    name: str = ""
    category: str = ""
    tags: frozenset[str] = frozenset()
    is_stopped: bool = False
    is_forced: bool = False
    is_sequential: bool = False
    has_first_last_priority: bool = False
    download_limit: int = 0
    upload_limit: int = 0
    ratio_limit: float = GLOBAL_LIMIT
    seeding_time_limit: int = GLOBAL_LIMIT
    inactive_seeding_time_limit: int = GLOBAL_LIMIT


class Register:
    """All torrents by id. Its methods run on the event loop; disk and libtorrent's waits run in threads."""

    def __init__(self, engine: Engine, folder: StateFolder, roots: Roots, preferences: Preferences) -> None:
        self.engine = engine
        self.folder = folder
        self.roots = roots
        self.preferences = preferences
        self._records: dict[str, TorrentRecord] = {}
        self._by_handle: dict[lt.torrent_handle, TorrentRecord] = {}
        self._arriving: dict[str, TorrentRecord] = {}
        self._adding: set[str] = set()
        self._moving: dict[str, Path] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alltime_base = (preferences.alltime_download, preferences.alltime_upload)
        self._kept_preferences = b""
        self._next_save = 0.0
        self._next_limits = 0.0

    # Looking up

    @property
    def records(self) -> Iterable[TorrentRecord]:
        """Every torrent, in the order it was added."""
        return self._records.values()

    @property
    def alltime(self) -> tuple[int, int]:
        """Bytes downloaded and uploaded since the state folder was made."""
        counters = self.engine.counters
        return (
            self._alltime_base[0] + counters.get("net.recv_payload_bytes", 0),
            self._alltime_base[1] + counters.get("net.sent_payload_bytes", 0),
        )

    def find(self, info_hash: str) -> TorrentRecord | None:
        """Return a torrent by its id or by either of its info hashes."""
        wanted = info_hash.lower()
        if (record := self._records.get(wanted)) is not None:
            return record
        if len(wanted) not in (40, 64):
            return None
        return next((r for r in self._records.values() if wanted in (r.info_hash_v1, r.info_hash_v2)), None)

    # Starting and stopping

    async def load(self) -> None:
        """Take up every torrent the state folder remembers."""
        handlers: dict[str, Callable[[Any], None]] = {
            "state_update_alert": self._on_state_update,
            "torrent_finished_alert": self._on_finished,
            "cache_flushed_alert": self._on_flushed,
            "metadata_received_alert": self._on_metadata,
            "file_renamed_alert": self._on_renamed,
            "file_rename_failed_alert": self._on_rename_failed,
            "save_resume_data_alert": self._on_resume_data,
            "save_resume_data_failed_alert": self._on_no_resume_data,
            "storage_moved_alert": self._on_moved,
            "storage_moved_failed_alert": self._on_move_failed,
            "fastresume_rejected_alert": self._on_rejected,
            "torrent_removed_alert": self._on_removed,
            "torrent_deleted_alert": self._on_deleted,
            "torrent_delete_failed_alert": self._on_deleted,
            "torrent_error_alert": self._on_error,
            "file_error_alert": self._on_error,
        }
        for alert, handler in handlers.items():
            self.engine.on(alert, handler)
        self.engine.on_tick(self._on_tick)
        for torrent_id, resume, kept in await self.folder.saved_torrents():
            try:
                await self._take_up(torrent_id, resume, kept)
            except (RuntimeError, ValueError, TypeError, KeyError) as error:
                _LOGGER.warning("Torrent %s could not be read from the state folder: %s", torrent_id, error)
        self.apply_limits()

    async def save_everything(self) -> None:
        """Pause, write what is not yet written, and wait for it for a bounded time."""
        self.engine.session.pause()
        waiting = []
        for record in self._records.values():
            if record.handle is not None:
                waiting.append(self.engine.expect("saved", record.torrent_id))
                record.handle.save_resume_data(_SAVE_FLAGS)
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=SHUTDOWN_SAVE_S)
            if late:
                _LOGGER.warning("%d torrents could not be saved in time", len(late))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SHUTDOWN_SAVE_S)
        await self.save_preferences()

    async def _take_up(self, torrent_id: str, resume: bytes, kept: bytes | None) -> None:
        source = await asyncio.to_thread(lt.read_resume_data, resume)
        if kept is not None:
            record = TorrentRecord.from_json(json.loads(kept), source.save_path)
        else:
            record = TorrentRecord(torrent_id=torrent_id, save_path=source.save_path)
        try:
            await asyncio.to_thread(self.roots.resolve, source.save_path)
        except ValueError:
            _LOGGER.warning("%s stays stopped: its folder is outside the configured ones", torrent_id)
            record.is_stopped = True
        await self._give_to_libtorrent(record, source)

    # Adding and removing

    async def add(self, source: lt.add_torrent_params, wishes: Wishes) -> bool:
        """Add a torrent; False when it is here already or libtorrent refuses it. Saved when this returns."""
        hashes = source.ti.info_hashes() if source.ti is not None else source.info_hashes
        torrent_id = str(hashes.get_best())
        known = [str(hashes.v1)] if hashes.has_v1() else []
        known += [str(hashes.v2)] if hashes.has_v2() else []
        if torrent_id in self._adding or any(self.find(each) is not None for each in (torrent_id, *known)):
            return False
        self._adding.add(torrent_id)
        try:
            return await self._add_new(torrent_id, source, wishes)
        finally:
            self._adding.discard(torrent_id)

    async def _add_new(self, torrent_id: str, source: lt.add_torrent_params, wishes: Wishes) -> bool:
        record = TorrentRecord(
            torrent_id=torrent_id,
            save_path=str(wishes.save_path),
            given_name=clean_text(wishes.name)[:500],
            magnet_name=clean_text(source.name)[:500] if source.ti is None else "",
            category=wishes.category,
            tags=set(wishes.tags),
            is_stopped=wishes.is_stopped,
            is_forced=wishes.is_forced,
            has_first_last_priority=wishes.has_first_last_priority,
            ratio_limit=wishes.ratio_limit,
            seeding_time_limit=wishes.seeding_time_limit,
            inactive_seeding_time_limit=wishes.inactive_seeding_time_limit,
        )
        source.save_path = record.save_path
        source.download_limit = wishes.download_limit or -1
        source.upload_limit = wishes.upload_limit or -1
        source.flags = _FLAGS.default_flags | (_FLAGS.sequential_download if wishes.is_sequential else 0)
        if source.ti is not None:
            source.renamed_files = await asyncio.to_thread(renames_of, source.ti)
        _drop_unwanted_sources(source)
        resume = await asyncio.to_thread(lambda: lt.bencode(lt.write_resume_data(source)))
        # The record first: a record without resume data is nothing, resume data without its tags would be lost.
        await self.save_record(record)
        await self.folder.write(self.folder.resume_path(torrent_id), resume)
        try:
            await self._give_to_libtorrent(record, source)
        except RuntimeError as error:
            _LOGGER.warning("libtorrent refused %s: %s", torrent_id, error)
            await self.folder.remove(self.folder.resume_path(torrent_id), self.folder.record_path(torrent_id))
            return False
        self._learn_labels(record)
        await self.save_preferences()
        return True

    async def _give_to_libtorrent(self, record: TorrentRecord, source: lt.add_torrent_params) -> None:
        # Never auto-managed: stopped and started are decided here alone.
        source.flags |= _FLAGS.update_subscribe | _FLAGS.apply_ip_filter | _FLAGS.duplicate_is_error
        source.flags &= ~(_FLAGS.auto_managed | _FLAGS.paused | _FLAGS.upload_mode | _FLAGS.seed_mode)
        source.flags |= _FLAGS.paused if record.is_stopped else 0
        _drop_unwanted_sources(source)
        if not self.engine.may_look_up_names and (dropped := drop_named_sources(source)):
            _LOGGER.warning("%s: %s trackers and web seeds would need a name looked up", record.torrent_id, dropped)
        record.trackers = list(source.trackers)
        record.comment = clean_text(source.comment)[:2_000]
        record.created_by = clean_text(source.created_by)[:200]
        if source.ti is not None:
            _describe(record, await asyncio.to_thread(contents_of, source.ti, dict(source.renamed_files)))
        else:
            # Nothing is written before the names of the metadata were judged.
            source.flags |= _FLAGS.upload_mode
            hashes = source.info_hashes
            record.info_hash_v1 = str(hashes.v1) if hashes.has_v1() else ""
            record.info_hash_v2 = str(hashes.v2) if hashes.has_v2() else ""
        hashes = source.ti.info_hashes() if source.ti is not None else source.info_hashes
        self._arriving[str(hashes.get_best())] = record
        try:
            handle = await asyncio.to_thread(self.engine.session.add_torrent, source)
        finally:
            self._arriving.pop(str(hashes.get_best()), None)
        record.handle = handle
        self._records[record.torrent_id] = record
        self._by_handle[handle] = record
        self._take_status(record, await asyncio.to_thread(handle.status))
        if record.has_first_last_priority and record.contents is not None:
            await asyncio.to_thread(apply_first_last_priority, record)

    async def delete(self, record: TorrentRecord, *, with_files: bool) -> None:
        """Forget a torrent and, when asked, remove its files. Returns when libtorrent has let go."""
        if self._records.pop(record.torrent_id, None) is None or record.handle is None:
            return
        await self.folder.remove(self.folder.resume_path(record.torrent_id), self.folder.record_path(record.torrent_id))
        event = "deleted" if with_files and record.contents is not None else "removed"
        gone = self.engine.expect(event, record.torrent_id)
        flags = lt.session.delete_files if with_files else lt.session.delete_partfile
        self.engine.session.remove_torrent(record.handle, flags)
        try:
            await asyncio.wait_for(gone, REMOVAL_S)
        except TimeoutError:
            _LOGGER.warning("%s is being removed for longer than %d s", record.torrent_id, REMOVAL_S)
        self._by_handle.pop(record.handle, None)

    # Changing

    async def save_record(self, record: TorrentRecord) -> None:
        """Write our part of a torrent."""
        record.touch()
        await self.folder.write(self.folder.record_path(record.torrent_id), json.dumps(record.to_json()).encode())

    async def save_preferences(self) -> None:
        """Write preferences, categories, tags and totals where they changed."""
        self.preferences.alltime_download, self.preferences.alltime_upload = self.alltime
        content = self.preferences.to_bytes()
        if content != self._kept_preferences:
            await self.folder.write(self.folder.path / "preferences.json", content)
            self._kept_preferences = content

    def apply_limits(self) -> None:
        """Put the limits in force into the session."""
        self.engine.session.apply_settings(
            {
                "download_rate_limit": self.preferences.download_limit,
                "upload_rate_limit": self.preferences.upload_limit,
                "connections_limit": self.preferences.max_connec,
            }
        )

    async def set_stopped(self, record: TorrentRecord, *, is_stopped: bool) -> None:
        """Stop or start a torrent, durably."""
        handle = _handle(record)
        record.is_stopped = is_stopped
        if is_stopped:
            record.is_forced = False
            handle.pause()
            self.save_soon(record)
        else:
            if record.are_files_missing:
                record.are_files_missing = False
            handle.unset_flags(_FLAGS.stop_when_ready)
            handle.clear_error()
            handle.resume()
        self.engine.outdate()
        await self.save_record(record)

    async def recheck(self, record: TorrentRecord) -> None:
        """Hash everything again; a stopped torrent is stopped again afterwards."""
        if record.contents is None:
            return
        record.is_durable = record.is_flushing = record.are_files_missing = False
        handle = _handle(record)
        handle.clear_error()
        handle.force_recheck()
        if record.is_stopped:
            # libtorrent checks only what runs; this flag pauses it before it would transfer anything.
            handle.set_flags(_FLAGS.stop_when_ready)
            handle.resume()
        self.engine.outdate()
        await self.save_record(record)

    def reannounce(self, record: TorrentRecord) -> None:
        """Ask trackers and, where allowed, the DHT for peers now."""
        _handle(record).force_reannounce(0, -1, lt.torrent_handle.ignore_min_interval)
        _handle(record).force_dht_announce()

    async def set_file_priorities(self, record: TorrentRecord, native: Iterable[int], priority: int) -> None:
        """Set libtorrent priorities (0 skips) by native file index."""
        handle = _handle(record)
        assert record.contents is not None
        chosen = set(native)
        current = await asyncio.to_thread(handle.get_file_priorities)
        current += [4] * (record.contents.native_count - len(current))
        handle.prioritize_files([priority if index in chosen else old for index, old in enumerate(current)])
        record.is_durable = record.is_flushing = False
        if record.has_first_last_priority:
            await asyncio.to_thread(apply_first_last_priority, record)
        if priority:
            # A torrent that was finished has let its peers go; without an announce nothing would come.
            handle.force_reannounce()
        self.save_soon(record)
        self.engine.outdate()
        await self.save_record(record)

    async def move(self, record: TorrentRecord, path: Path) -> None:
        """Move the content to another folder; what is there already is kept."""
        self._moving[record.torrent_id] = path
        _handle(record).move_storage(str(path), lt.move_flags_t.dont_replace)
        self.engine.outdate()

    def save_soon(self, record: TorrentRecord) -> None:
        """Ask libtorrent for resume data now."""
        if record.handle is not None and not record.is_saving and record.torrent_id in self._records:
            record.is_saving = True
            record.handle.save_resume_data(_SAVE_FLAGS)

    def _learn_labels(self, record: TorrentRecord) -> None:
        if record.category:
            self.preferences.categories.setdefault(record.category, "")
        self.preferences.tags |= record.tags

    # What libtorrent tells

    def _record(self, handle: lt.torrent_handle) -> TorrentRecord | None:
        record = self._by_handle.get(handle)
        if record is None and self._arriving and handle.is_valid():
            # Its first alerts can be here before the call that added it has returned.
            record = self._arriving.get(str(handle.info_hashes().get_best()))
            if record is not None:
                record.handle = handle
            return record
        # Of one that was just deleted nothing matters any more.
        return record if record is not None and record.torrent_id in self._records else None

    def _on_state_update(self, alert: lt.state_update_alert) -> None:
        for status in alert.status:
            record = self._record(status.handle)
            if record is not None:
                self._take_status(record, status)

    def _take_status(self, record: TorrentRecord, status: lt.torrent_status) -> None:
        record.status = status
        record.touch()
        if status.has_metadata and record.contents is None:
            self._learn_metadata(record)
        if status.state == lt.torrent_status.downloading and record.is_durable and not status.is_finished:
            record.is_durable = record.is_flushing = False
        self._make_durable(record)
        if status.need_save_resume and record.unsaved_since is None:
            record.unsaved_since = time.monotonic()

    def _make_durable(self, record: TorrentRecord) -> None:
        """Start the flush that must be confirmed before the torrent counts as complete."""
        status = record.status
        if (
            status is not None
            and status.state in (lt.torrent_status.finished, lt.torrent_status.seeding)
            and not (record.is_durable or record.is_flushing or record.unrenamed)
            and record.contents is not None
            and record.handle is not None
        ):
            record.is_flushing = True
            record.handle.flush_cache()

    def _on_finished(self, alert: lt.torrent_finished_alert) -> None:
        # The status says the same, but up to a second later.
        if self._record(alert.handle) is not None:
            self.engine.session.post_torrent_updates()

    def _on_flushed(self, alert: lt.cache_flushed_alert) -> None:
        record = self._record(alert.handle)
        if record is None or not record.is_flushing:
            return
        record.is_flushing = False
        record.is_durable = True
        self.save_soon(record)
        self._run(self.save_record(record))

    def _on_metadata(self, alert: lt.metadata_received_alert) -> None:
        record = self._record(alert.handle)
        if record is not None and record.contents is None:
            self._learn_metadata(record)

    def _learn_metadata(self, record: TorrentRecord) -> None:
        handle = _handle(record)
        metadata = handle.torrent_file()
        if metadata is None:
            return
        renames = renames_of(metadata)
        _describe(record, contents_of(metadata, renames))
        record.comment = clean_text(metadata.comment())[:2_000]
        record.created_by = clean_text(metadata.creator())[:200]
        record.unrenamed = len(renames)
        for index, name in renames.items():
            handle.rename_file(index, name)
        if not renames:
            self._release(record)
        self.save_soon(record)

    def _release(self, record: TorrentRecord) -> None:
        """Let a magnet's content come, now that its names are safe."""
        handle = _handle(record)
        if record.has_first_last_priority:
            apply_first_last_priority(record)
        handle.unset_flags(_FLAGS.upload_mode)
        record.touch()

    def _on_renamed(self, alert: lt.file_renamed_alert) -> None:
        record = self._record(alert.handle)
        if record is not None and record.unrenamed:
            record.unrenamed -= 1
            if not record.unrenamed:
                self._release(record)
                self.save_soon(record)

    def _on_rename_failed(self, alert: lt.file_rename_failed_alert) -> None:
        record = self._record(alert.handle)
        if record is not None:
            _LOGGER.error("%s stays stopped: a file could not get a safe name", record.torrent_id)
            self._run(self.set_stopped(record, is_stopped=True))

    def _on_resume_data(self, alert: lt.save_resume_data_alert) -> None:
        record = self._record(alert.handle)
        if record is None or record.torrent_id not in self._records:
            return
        record.is_saving = False
        record.unsaved_since = None
        content = lt.bencode(lt.write_resume_data(alert.params))
        self._run(self._write_resume(record.torrent_id, content))

    async def _write_resume(self, torrent_id: str, content: bytes) -> None:
        try:
            # Removed meanwhile: writing would bring it back at the next start.
            if torrent_id in self._records:
                await self.folder.write(self.folder.resume_path(torrent_id), content)
        except OSError as error:
            _LOGGER.warning("Resume data of %s was not saved: %s", torrent_id, error.strerror)
        finally:
            self.engine.settle("saved", torrent_id)

    def _on_no_resume_data(self, alert: lt.save_resume_data_failed_alert) -> None:
        record = self._record(alert.handle)
        if record is not None:
            record.is_saving = False
            record.unsaved_since = None
            self.engine.settle("saved", record.torrent_id)

    def _on_moved(self, alert: lt.storage_moved_alert) -> None:
        record = self._record(alert.handle)
        if record is not None:
            path = self._moving.pop(record.torrent_id, None)
            if path is not None:
                record.save_path = str(path)
            record.touch()
            self.save_soon(record)

    def _on_move_failed(self, alert: lt.storage_moved_failed_alert) -> None:
        record = self._record(alert.handle)
        if record is not None:
            self._moving.pop(record.torrent_id, None)
            record.touch()
            _LOGGER.error("%s could not be moved: %s", record.torrent_id, alert.error.message())

    def _on_rejected(self, alert: lt.fastresume_rejected_alert) -> None:
        record = self._record(alert.handle)
        if record is None:
            return
        _LOGGER.warning("%s is checked again: %s", record.torrent_id, alert.error.message())
        if record.is_durable:
            # It was whole. That its files went is for a person to judge, not a reason to download them again.
            record.are_files_missing = True
            record.is_durable = False
            _handle(record).pause()
            record.touch()

    def _on_removed(self, alert: lt.torrent_removed_alert) -> None:
        self._settle_removal("removed", alert.info_hashes)

    def _on_deleted(self, alert: lt.torrent_deleted_alert | lt.torrent_delete_failed_alert) -> None:
        if isinstance(alert, lt.torrent_delete_failed_alert):
            _LOGGER.error("Files of %s could not be removed: %s", alert.info_hashes.get_best(), alert.error.message())
        self._settle_removal("deleted", alert.info_hashes)

    def _settle_removal(self, event: str, hashes: lt.info_hash_t) -> None:
        for each in {str(hashes.get_best()), str(hashes.v1)}:
            self.engine.settle(event, each)

    def _on_error(self, alert: Any) -> None:
        record = self._record(alert.handle)
        if record is not None:
            _LOGGER.error("%s: %s", record.torrent_id, clean_text(alert.message()))
            self.engine.session.post_torrent_updates()

    # Once a second

    def _on_tick(self) -> None:
        now = time.monotonic()
        for record in self._records.values():
            if record.unsaved_since is not None and now - record.unsaved_since > SAVE_AFTER_S:
                self.save_soon(record)
        if now >= self._next_limits:
            self._next_limits = now + 5
            self._stop_what_has_seeded_enough()
        if now >= self._next_save:
            self._next_save = now + 60
            self._run(self.save_preferences())

    def _stop_what_has_seeded_enough(self) -> None:
        for record in self._records.values():
            status = record.status
            if status is None or record.is_stopped or not record.is_complete:
                continue
            ratio, seeding, idle = effective_limits(record, self.preferences)
            seeding_s = status.seeding_duration.total_seconds()
            if (
                (ratio >= 0 and share_ratio(status) >= ratio)
                or (seeding >= 0 and seeding_s >= seeding * 60)
                or (idle >= 0 and seeding_s >= idle * 60 <= time.time() - last_activity(record))
            ):
                _LOGGER.info("%s has seeded enough and is stopped", record.torrent_id)
                self._run(self.set_stopped(record, is_stopped=True))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished_task)

    def _finished_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("Saving failed: %s", error)


def apply_first_last_priority(record: TorrentRecord) -> None:
    """Give the first and last piece of every wanted file the highest priority, or take it back."""
    handle = _handle(record)
    assert record.contents is not None
    priorities = handle.get_file_priorities()
    for file in record.contents.files:
        wanted = priorities[file.native_index] if file.native_index < len(priorities) else 4
        if wanted and file.size_bytes:
            chosen = 7 if record.has_first_last_priority else wanted
            handle.piece_priority(file.first_piece, chosen)
            handle.piece_priority(file.last_piece, chosen)


def _describe(record: TorrentRecord, contents: Contents) -> None:
    record.contents = contents
    record.info_hash_v1 = contents.info_hash_v1
    record.info_hash_v2 = contents.info_hash_v2
    record.touch()


def _drop_unwanted_sources(source: lt.add_torrent_params) -> None:
    """Keep trackers and web seeds of plain schemes: WebTorrent's would open connections past any binding."""
    tiers = list(source.tracker_tiers)
    kept = [
        (url, tiers[index] if index < len(tiers) else 0)
        for index, url in enumerate(source.trackers)
        if url.lower().startswith(_TRACKER_SCHEMES) and len(url) < 2_000
    ][:MAX_TRACKERS]
    source.trackers = [url for url, _ in kept]
    source.tracker_tiers = [tier for _, tier in kept]
    source.url_seeds = [url for url in source.url_seeds if url.lower().startswith(_WEB_SEED_SCHEMES)][:MAX_WEB_SEEDS]


def _handle(record: TorrentRecord) -> lt.torrent_handle:
    assert record.handle is not None, "a registered torrent has a handle"
    return record.handle
