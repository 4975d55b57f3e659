"""Real torrent clients as processes: torrentd and two qBittorrents, for tests, the demo and the benchmark.

    async with torrent_client("qbittorrent-5.3", folder) as running:
        ... running.url, running.username, running.password, running.download_folder ...

Each has its own profile folder, listens on 127.0.0.1 alone, and looks for peers nowhere by itself.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import secrets
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import aiohttp

from .processes import die_with_parent, end_process, free_port

type ClientName = Literal["torrentd", "qbittorrent-5.3", "qbittorrent-4.5"]

CLIENTS: Final[tuple[ClientName, ...]] = ("torrentd", "qbittorrent-5.3", "qbittorrent-4.5")
_ROOT: Final = Path(__file__).resolve().parent.parent
_PREFIXES: Final[Mapping[str, Path]] = {
    "qbittorrent-5.3": _ROOT / ".cache" / "debian",
    "qbittorrent-4.5": _ROOT / ".cache" / "qbittorrent-4.5",
}
_READY_WITHIN_S: Final = 20.0
_STOPPED_WITHIN_S: Final = 15.0


@dataclass(slots=True)
class RunningClient:
    """One client's process; `download_folder` is where it saves."""

    name: ClientName
    folder: Path
    port: int
    peer_port: int
    username: str = "admin"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The address of its Web API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def download_folder(self) -> Path:
        """Where it saves."""
        return self.folder / "downloads"

    @property
    def log(self) -> Path:
        """What it wrote while it ran."""
        return self.folder / "client.log"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        command, environment = _command(self)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"HOME": str(self.folder), "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", **environment},
                # Ctrl-C in a terminal is for the one who started us: we stop the client ourselves.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        try:
            async with asyncio.timeout(_READY_WITHIN_S), aiohttp.ClientSession() as session:
                while not await _answers(session, self.url):
                    if self.process.returncode is not None:
                        raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self._last_words()}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self.kill()
            raise RuntimeError(
                f"{self.name} did not answer within {_READY_WITHIN_S:.0f} s:\n{self._last_words()}"
            ) from None
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ask it to end, and make it end."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Start it anew with the same profile, address and password; it may have been killed before."""
        await self.stop()
        await self.start()

    async def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        await end_process(process, how, within_s=_STOPPED_WITHIN_S)

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


@contextlib.asynccontextmanager
async def torrent_client(name: ClientName, folder: Path) -> AsyncIterator[RunningClient]:
    """Run a client whose profile and downloads lie under `folder`, and end it with the block."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    client = RunningClient(name=name, folder=folder, port=free_port(), peer_port=free_port())
    await asyncio.to_thread(client.download_folder.mkdir, exist_ok=True)
    if name != "torrentd":
        await asyncio.to_thread(_write_profile, client)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


def _command(client: RunningClient) -> tuple[list[str], dict[str, str]]:
    """Give the command and the environment it needs."""
    if client.name == "torrentd":
        python = _ROOT / ".cache" / "venv-addon" / "bin" / "python"
        if not python.exists():
            raise RuntimeError("torrentd's environment is missing: run scripts/setup")
        return _torrentd(client, python)
    prefix = _PREFIXES[client.name]
    program = prefix / "usr" / "bin" / "qbittorrent-nox"
    if not program.exists():
        raise RuntimeError(f"{client.name} is missing: run scripts/setup --qbittorrent")
    arguments = [f"--profile={client.folder}", f"--webui-port={client.port}"]
    # The prefix's program runs with the prefix's loader and libraries; the host's may be older or newer.
    libraries = [path for part in ("usr/lib", "lib") if (path := prefix / part).is_dir()]
    folders = [folder for library in libraries for folder in library.glob("*-linux-gnu*")]
    loader = next((found for folder in folders for found in folder.glob("ld-linux-*.so.*")), None)
    search = [str(path) for folder in folders for path in (folder, folder / "libproxy") if path.is_dir()]
    environment = {"LD_LIBRARY_PATH": ":".join(search)}
    return [*([str(loader)] if loader else []), str(program), *arguments], environment


def _torrentd(client: RunningClient, python: Path) -> tuple[list[str], dict[str, str]]:
    options = {
        "--host": "127.0.0.1",
        "--port": str(client.port),
        "--state-folder": str(client.folder / "state"),
        "--download-folder": str(client.download_folder),
        "--username": client.username,
        "--peer-interfaces": f"127.0.0.1:{client.peer_port}",
        "--allow-peers-from": "127.0.0.0/8",
    }
    arguments = [part for option in options.items() for part in option]
    return (
        [str(python), "-m", "torrentd", *arguments, "--no-dht", "--no-lsd", "--no-upnp"],
        {"PYTHONPATH": str(_ROOT / "addon"), "TRUSTTUNE_TORRENTD_PASSWORD": client.password},
    )


def _write_profile(client: RunningClient) -> None:
    """Write qBittorrent's settings: the known password, one interface, no way to strangers."""
    salt = secrets.token_bytes(16)
    digest = hashlib.pbkdf2_hmac("sha512", client.password.encode(), salt, 100_000, 64)
    password = f"{base64.b64encode(salt).decode()}:{base64.b64encode(digest).decode()}"
    settings = client.folder / "qBittorrent" / "config" / "qBittorrent.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        f"""\
[LegalNotice]
Accepted=true

[BitTorrent]
Session\\DefaultSavePath={client.download_folder}
Session\\TempPathEnabled=false
Session\\Interface=lo
Session\\InterfaceName=lo
Session\\InterfaceAddress=127.0.0.1
Session\\Port={client.peer_port}
Session\\DHTEnabled=false
Session\\PeXEnabled=false
Session\\LSDEnabled=false
Session\\SSRFMitigation=false
Session\\IgnoreLimitsOnLAN=false
Session\\QueueingSystemEnabled=false
Session\\RefreshInterval=200

[Network]
PortForwardingEnabled=false

[Preferences]
General\\Locale=en
WebUI\\Enabled=true
WebUI\\Address=127.0.0.1
WebUI\\Port={client.port}
WebUI\\Username={client.username}
WebUI\\Password_PBKDF2="@ByteArray({password})"
WebUI\\LocalHostAuth=true
WebUI\\UseUPnP=false
"""
    )


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/api/v2/app/version", timeout=aiohttp.ClientTimeout(total=2)):
            return True
    except aiohttp.ClientError, TimeoutError, OSError:
        return False
