"""One call of the Web API: its parameters and what a handler may answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from ..options import Options
from ..records.reading import Readings
from ..records.register import Register
from ..records.roots import Roots
from ..records.sync import MainData
from ..records.torrent import TorrentRecord
from ..session.vpn import VpnGuard
from .signing import Signer

if TYPE_CHECKING:
    from .sessions import Sessions

READ = frozenset({"GET", "POST"})
WRITE = frozenset({"POST"})


class ApiError(Exception):
    """An answer that is not 200, with qBittorrent's text for it."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text or {400: "Bad Request", 404: "Not Found", 409: "Conflict"}.get(status, "")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the call."""

    name: str
    content: bytes


@dataclass(slots=True)
class Services:
    """What handlers work with."""

    options: Options
    register: Register
    roots: Roots
    main_data: MainData
    sessions: "Sessions"
    port: int = 0
    free_bytes: int = -1
    guard: VpnGuard | None = None
    readings: Readings = field(init=False)
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        """Make what needs nothing but the register."""
        self.readings = Readings(self.register)
        self.signer = Signer(self.register.folder)

    @property
    def default_folder(self) -> Path:
        """Where torrents go that were not told otherwise."""
        return self.roots.default


@dataclass(frozen=True, slots=True)
class Call:
    """A call that passed the door."""

    services: Services
    parameters: Mapping[str, str]
    uploads: tuple[Upload, ...] = ()
    session_id: str = ""
    is_multipart: bool = False
    request: web.Request = field(repr=False, kw_only=True)

    @property
    def register(self) -> Register:
        """The torrents."""
        return self.services.register

    def get(self, name: str, default: str = "") -> str:
        """Return a parameter or the default."""
        return self.parameters.get(name, default)

    def required(self, *names: str) -> list[str]:
        """Return parameters; one that was not sent is a bad request."""
        if any(name not in self.parameters for name in names):
            raise ApiError(400)
        return [self.parameters[name] for name in names]

    def flag(self, name: str) -> bool:
        """Return a switch: true and 1 in any case mean yes, everything else no."""
        return self.get(name).strip().lower() in ("true", "1")

    def number(self, name: str, default: int = 0) -> int:
        """Return a whole number; what is none counts as the default."""
        try:
            return int(float(self.get(name)))
        except (ValueError, OverflowError):
            return default

    def torrent(self) -> TorrentRecord:
        """Return the torrent named by `hash`."""
        (info_hash,) = self.required("hash")
        record = self.register.find(info_hash)
        if record is None:
            raise ApiError(404)
        return record

    def torrents(self) -> list[TorrentRecord]:
        """Return the torrents named by `hashes`, or all; unknown ones are left out."""
        (hashes,) = self.required("hashes")
        return self.chosen(hashes)

    def chosen(self, hashes: str) -> list[TorrentRecord]:
        """Return the torrents of a list of hashes separated by bars."""
        if hashes == "all":
            return list(self.register.records)
        found = (self.register.find(each) for each in hashes.split("|"))
        return list({record.torrent_id: record for record in found if record is not None}.values())


type Reply = str | int | dict[str, object] | list[object] | web.StreamResponse | None
type Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler and the HTTP methods it takes."""

    handler: Handler
    methods: frozenset[str] = READ
