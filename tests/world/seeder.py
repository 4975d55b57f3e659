"""The world's side of the seeder: starts its process and talks to it."""

import asyncio
import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from .torrents import WorldTorrent

_PROJECT = Path(__file__).parents[2]
_PYTHON = _PROJECT / ".cache" / "venv-addon" / "bin" / "python"
_ANSWER_BYTES = 4 * 1024 * 1024


class SeederError(Exception):
    """The seeder could not be started or refused a command."""


@dataclass(frozen=True, slots=True)
class SeedStatus:
    """How one torrent is seeded."""

    is_seeding: bool
    uploaded_bytes: int
    peers: int
    error: str


class Seeder:
    """A libtorrent process that seeds on 127.0.0.1 while this context is open. Its methods raise SeederError."""

    def __init__(self, python: Path = _PYTHON) -> None:
        self.pid: int | None = None
        self._python = python
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        program = str(Path(__file__).with_name("seeder_process.py"))
        self._process = await asyncio.create_subprocess_exec(
            str(self._python), "-I", program,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_ANSWER_BYTES,
            start_new_session=True,  # Ctrl-C is for the world, which then ends this in order.
        )  # fmt: skip
        self.pid = self._process.pid
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def add(self, torrents: Iterable[WorldTorrent], tracker_url: str) -> None:
        """Seed those torrents that are meant to be seeded."""
        listed = [
            {"metainfo": base64.b64encode(torrent.metainfo(tracker_url)).decode(), "save_path": str(torrent.save_path)}
            for torrent in torrents
            if torrent.save_path is not None
        ]
        await self._command("add", torrents=listed)

    async def limit(self, bytes_per_second: int) -> None:
        """Limit the upload of all torrents together; 0 is unlimited."""
        await self._command("limit", bytes_per_second=bytes_per_second)

    async def start(self, info_hash: str) -> None:
        """Seed a torrent again."""
        await self._command("start", info_hash=info_hash)

    async def stop(self, info_hash: str) -> None:
        """Stop seeding a torrent: whoever downloads it stalls."""
        await self._command("stop", info_hash=info_hash)

    async def port(self) -> int:
        """Give the port it takes peers on."""
        return int(str((await self._command("status"))["port"]))

    async def status(self) -> dict[str, SeedStatus]:
        """Say how each torrent is seeded, by info hash."""
        answer = await self._command("status")
        torrents = answer["torrents"]
        assert isinstance(torrents, dict)
        return {info_hash: SeedStatus(**status) for info_hash, status in torrents.items()}

    async def _command(self, command: str, **members: object) -> dict[str, object]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise SeederError("The seeder does not run: this world was started with seed=False, or has ended")
        async with self._one_at_a_time, asyncio.timeout(20):
            process.stdin.write(json.dumps({"command": command, **members}).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        if not line:
            raise SeederError("The seeder has ended; what it said is on standard error")
        answer: dict[str, object] = json.loads(line)
        if not answer["ok"]:
            raise SeederError(str(answer["error"]))
        return answer
