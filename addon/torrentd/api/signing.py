"""Addresses that carry their own permission: one file of one torrent, for a short time, without a login."""

import asyncio
import hashlib
import hmac
import secrets
import time

from ..records.folder import StateFolder

MAX_LIFETIME_S = 24 * 3_600
_SECRET_BYTES = 32


class Signer:
    """Signs with a secret that is made at first use and kept in the state folder."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder
        self._secret = b""
        self._loading = asyncio.Lock()

    async def sign(self, torrent_id: str, index: int, lifetime_s: int) -> tuple[int, str]:
        """Return when the permission ends, in seconds since 1970, and its signature."""
        expires = int(time.time()) + lifetime_s
        return expires, _signature(await self._load(), torrent_id, index, expires)

    async def is_valid(self, torrent_id: str, index: int, expires: int, signature: str) -> bool:
        """Tell whether the permission was given here, for this file, and has not ended."""
        right = _signature(await self._load(), torrent_id, index, expires)
        return hmac.compare_digest(right.encode(), signature.encode(errors="replace")) and time.time() < expires

    async def _load(self) -> bytes:
        async with self._loading:
            if not self._secret:
                path = self._folder.path / "stream.secret"
                kept = await self._folder.read(path)
                if kept is None or len(kept) != _SECRET_BYTES:
                    kept = secrets.token_bytes(_SECRET_BYTES)
                    await self._folder.write(path, kept)
                self._secret = kept
        return self._secret


def _signature(secret: bytes, torrent_id: str, index: int, expires: int) -> str:
    return hmac.new(secret, f"stream\n{torrent_id}\n{index}\n{expires}".encode(), hashlib.sha256).hexdigest()
