"""The torrent client over the qBittorrent Web API, 4.x to 5.x; torrentd speaks it too.

qbittorrent-api is synchronous: every call runs in the executor, one at a time.
"""

import asyncio
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import qbittorrentapi
from qbittorrentapi.exceptions import (
    APIConnectionError,
    APIError,
    Conflict409Error,
    Forbidden403Error,
    HTTPError,
    LoginFailed,
    NotFound404Error,
    Unauthorized401Error,
    UnsupportedMediaType415Error,
)

from ..config import ClientConfig
from ..errors import CredentialsError, NotReachableError, TorrentClientError, UnexpectedReplyError
from .client import Limits, Torrent, TorrentFile, TransferRates
from .maindata import MainData
from .progress import torrent_of

CATEGORY: Final = "trusttune"
_LISTED_WITHIN_S: Final = 10.0
_INFO_HASH: Final = re.compile("[0-9a-f]{40}")


class QBittorrentClient:
    """One qBittorrent, or torrentd.

    Every method raises NotReachableError, CredentialsError, UnexpectedReplyError or
    TorrentClientError. After refused credentials it asks no more, because repeated bad logins ban
    the address: make a new one with new credentials.
    """

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._turn = asyncio.Lock()
        # A cancelled caller leaves its turn while its thread still uses the session: this one waits for it.
        self._session_in_use = threading.Lock()
        self._main = MainData()
        self._refusal: CredentialsError | None = None
        self._client = qbittorrentapi.Client(
            host=config.url,
            username=config.username,
            password=config.password,
            VERIFY_WEBUI_CERTIFICATE=config.verify_ssl,
            FORCE_SCHEME_FROM_HOST=True,
            REQUESTS_ARGS={"timeout": (3, 10)},
            HTTPADAPTER_ARGS={"max_retries": 0},
            SIMPLE_RESPONSES=True,
            RAISE_NOTIMPLEMENTEDERROR_FOR_UNIMPLEMENTED_API_ENDPOINTS=True,
        )

    async def connect(self) -> str:
        """Log in and give the program's version."""

        def log_in() -> str:
            self._client.auth_log_in()
            return str(self._client.app_version())

        version = await self._call(log_in)
        if not re.match(r"v?\d", version):
            raise UnexpectedReplyError("This address does not answer like qBittorrent. Check the address.")
        return version

    async def add(
        self,
        source: bytes | str,
        *,
        info_hash: str,
        tags: Collection[str],
        category: str = CATEGORY,
        save_path: str = "",
        stopped: bool = False,
    ) -> None:
        """Add a .torrent's bytes or a magnet link, and return when the client lists it.

        One that is there already gets the tags, and is otherwise left as it is. One that is there in another
        category is somebody else's: TorrentClientError, and it is not touched.
        """
        _checked(info_hash)
        if isinstance(source, str) and not source.startswith("magnet:"):
            raise TorrentClientError("Only .torrent files and magnet links can be added.")
        await self._call(lambda: self._create_category(category))
        if not await self._adopt(info_hash, category, tags):
            answer = await self._call(lambda: self._add(source, category, tags, save_path, stopped))
            is_refused = answer == "Fails." or (isinstance(answer, Mapping) and answer.get("failure_count", 0) > 0)
            try:
                async with asyncio.timeout(0.5 if is_refused else _LISTED_WITHIN_S):
                    # The client tells nobody when it is listed: ask.
                    while not await self._adopt(info_hash, category, tags):  # noqa: ASYNC110 - it has no push
                        await asyncio.sleep(0.05)
            except TimeoutError:
                why = "refused the torrent" if is_refused else "took the torrent but does not list it"
                raise TorrentClientError(f"The torrent client {why}. Look into its log.") from None

    async def torrents(self) -> Mapping[str, Torrent]:
        """Give every torrent of our category by info hash; costs one answer of what changed."""
        await self._call(self._sync)
        found = {}
        for key, fields in self._main.torrents.items():
            if fields.get("category") == CATEGORY:
                info_hash = _first_hash(key, fields)
                found[info_hash] = torrent_of(info_hash, fields)
        return found

    async def files(self, info_hash: str) -> tuple[TorrentFile, ...]:
        """Give a torrent's files; none while its metadata is missing."""
        key = await self._key(info_hash)

        def files() -> tuple[TorrentFile, ...]:
            rows: Any = self._client.torrents_files(torrent_hash=key)
            return tuple(
                TorrentFile(
                    # 4.0 to 4.3 have no index: there the order is the index.
                    index=int(row.get("index", position)),
                    path=str(row["name"]),
                    size_bytes=int(row["size"]),
                    progress=float(row.get("progress", 0.0)),
                )
                for position, row in enumerate(rows)
            )

        return await self._call(files)

    async def select_files(self, info_hash: str, wanted: Collection[int]) -> None:
        """Download these files, by index, and no other."""
        present = {file.index for file in await self.files(info_hash)}
        if not present:
            raise TorrentClientError("The torrent's files are not known yet.")
        if not wanted or not set(wanted) <= present:
            raise TorrentClientError("The torrent does not hold the files that are wanted of it.")
        key = await self._key(info_hash)
        skipped = sorted(present - set(wanted))

        def set_priorities() -> None:
            if skipped:
                self._client.torrents_file_priority(torrent_hash=key, file_ids=skipped, priority=0)
            self._client.torrents_file_priority(torrent_hash=key, file_ids=sorted(wanted), priority=1)

        await self._call(set_priorities)

    async def start(self, info_hash: str) -> None:
        """Let a torrent run."""
        key = await self._key(info_hash)
        await self._call(lambda: self._client.torrents_start(torrent_hashes=key))

    async def stop(self, info_hash: str) -> None:
        """Stop a torrent and keep it."""
        key = await self._key(info_hash)
        await self._call(lambda: self._client.torrents_stop(torrent_hashes=key))

    async def delete(self, info_hash: str, *, with_files: bool) -> None:
        """Remove a torrent; one that is gone already is fine."""
        key = await self._key(info_hash)
        await self._call(lambda: self._client.torrents_delete(delete_files=with_files, torrent_hashes=key))

    async def rates(self) -> TransferRates:
        """Give what the client moves right now."""

        def rates() -> TransferRates:
            moved: Any = self._client.transfer_info()
            return TransferRates(download_bps=int(moved["dl_info_speed"]), upload_bps=int(moved["up_info_speed"]))

        return await self._call(rates)

    async def limits(self) -> Limits:
        """Give the limits that are in force."""

        def limits() -> Limits:
            download, upload = self._client.transfer_download_limit(), self._client.transfer_upload_limit()
            return Limits(download_bps=max(int(download), 0), upload_bps=max(int(upload), 0))

        return await self._call(limits)

    async def set_limits(self, limits: Limits) -> None:
        """Set the limits that are in force."""

        def set_both() -> None:
            self._client.transfer_set_download_limit(limit=limits.download_bps)
            self._client.transfer_set_upload_limit(limit=limits.upload_bps)

        await self._call(set_both)

    async def free_space_bytes(self) -> int | None:
        """Give the room left where the client saves; None when it does not say."""
        await self._call(self._sync)
        free = self._main.server.get("free_space_on_disk")
        return free if isinstance(free, int) and free >= 0 else None

    async def export(self, info_hash: str) -> bytes | None:
        """Give the torrent's .torrent file; None while its metadata is missing, or before 4.5."""
        key = await self._key(info_hash)

        def export() -> bytes | None:
            try:
                return bytes(self._client.torrents_export(torrent_hash=key))
            except NotFound404Error, Conflict409Error, NotImplementedError:
                return None

        return await self._call(export)

    async def close(self) -> None:
        """Log out, as far as the client can still be reached, and use it no more."""

        def log_out() -> None:
            with self._session_in_use:
                if self._client.is_logged_in:
                    self._client.auth_log_out()

        if self._refusal is None:
            self._refusal = CredentialsError("The connection to the torrent client was closed.")
            try:
                await asyncio.to_thread(log_out)
            except APIError:
                return

    async def _key(self, info_hash: str) -> str:
        """Give the hash under which the client lists a torrent.

        qBittorrent files a torrent of both versions under its second hash, the engine under its first.
        """
        _checked(info_hash)
        if self._main.rid == 0:
            await self._call(self._sync)
        for key, fields in self._main.torrents.items():
            if info_hash in {key, fields.get("infohash_v1")}:
                return key
        return info_hash

    async def _adopt(self, info_hash: str, category: str, tags: Collection[str]) -> bool:
        """Say whether the client lists the torrent, and see to its tags if so."""
        await self._call(self._sync)
        key = await self._key(info_hash)
        fields = self._main.torrents.get(key)
        if fields is None:
            return False
        if fields.get("category") != category:
            owner = fields.get("category") or "no category"
            raise TorrentClientError(
                f"The torrent client has this torrent already, in {owner}: it is left to whoever added it."
            )
        missing = sorted(set(tags) - torrent_of(key, fields).tags)

        def mark() -> None:
            if missing:
                self._client.torrents_add_tags(tags=missing, torrent_hashes=key)

        await self._call(mark)
        return True

    def _create_category(self, category: str) -> None:
        try:
            if category not in self._client.torrents_categories():
                self._client.torrents_create_category(name=category)
        except Conflict409Error:
            # Somebody else made it since we looked.
            if category not in self._client.torrents_categories():
                raise

    def _add(
        self, source: bytes | str, category: str, tags: Collection[str], save_path: str, stopped: bool
    ) -> str | Mapping[str, Any]:
        try:
            answer = self._client.torrents_add(
                urls=source if isinstance(source, str) else None,
                torrent_files=source if isinstance(source, bytes) else None,
                category=category,
                tags=sorted(tags),
                save_path=save_path or self._config.download_folder or None,
                is_stopped=stopped,
                content_layout="Original",
                use_auto_torrent_management=False,
            )
        except Conflict409Error:
            return "Fails."
        except UnsupportedMediaType415Error:
            raise TorrentClientError("The torrent client says that this is not a valid .torrent file.") from None
        return answer if isinstance(answer, str | Mapping) else str(answer)

    def _sync(self) -> None:
        self._main.merge(self._client.sync_maindata(rid=self._main.rid))

    async def _call[T](self, call: Callable[[], T]) -> T:
        """Run one call in the executor and give its failure the engine's name."""
        async with self._turn:
            if self._refusal is not None:
                raise self._refusal
            return await asyncio.to_thread(self._blocking, call)

    def _blocking[T](self, call: Callable[[], T]) -> T:
        with self._session_in_use:
            try:
                return call()
            except LoginFailed:
                if not self._is_qbittorrent():
                    raise UnexpectedReplyError(
                        "This address answers with a web page, not like qBittorrent. Check the address."
                    ) from None
                self._refusal = CredentialsError("The torrent client refuses this user name and password.")
                raise self._refusal from None
            except Forbidden403Error:
                # The library has logged in anew before it gives a 403 up.
                self._refusal = CredentialsError(
                    "The torrent client shuts us out, most likely after too many wrong passwords. "
                    "Wait an hour or restart it, then check the password."
                )
                raise self._refusal from None
            except Unauthorized401Error:
                raise TorrentClientError(
                    "The torrent client refuses the host name of its address. Allow the name in its Web UI settings."
                ) from None
            except NotFound404Error:
                raise TorrentClientError("The torrent client does not have this torrent.") from None
            except HTTPError as error:
                raise TorrentClientError(f"The torrent client answers with an error ({_status(error)}).") from None
            except APIConnectionError:
                raise NotReachableError("The torrent client cannot be reached. Is it running?") from None
            except APIError, ValueError, TypeError, KeyError, AttributeError:
                raise UnexpectedReplyError("The torrent client gave an answer that cannot be understood.") from None

    def _is_qbittorrent(self) -> bool:
        """Whether the address knows the Web API at all; a proxy's login page answers everything with HTML."""
        context = ssl.create_default_context()
        if not self._config.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        address = f"{self._config.url.rstrip('/')}/api/v2/app/version"
        try:
            with urllib.request.urlopen(address, timeout=10, context=context) as answer:  # noqa: S310 - a person's address
                return re.match(rb"v?\d", answer.read(64)) is not None
        except urllib.error.HTTPError as error:
            return error.code in {401, 403}
        except OSError, ValueError:
            return True


def _checked(info_hash: str) -> None:
    """Refuse what is no hash: the Web API takes `all` and lists in the same place."""
    if _INFO_HASH.fullmatch(info_hash) is None:
        raise TorrentClientError("This is not an info hash.")


def _first_hash(key: str, fields: Mapping[str, Any]) -> str:
    first = fields.get("infohash_v1")
    return first if isinstance(first, str) and _INFO_HASH.fullmatch(first) else key


def _status(error: HTTPError) -> int | str:
    return getattr(error, "http_status_code", "unknown")
