"""Who may call: the hashed credential, logins by cookie, and the ban after too many failures."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from ..records.folder import StateFolder

SESSION_S = 3_600
BAN_S = 3_600
MAX_FAILURES = 5
MAX_SESSIONS = 256
MAX_ADDRESSES = 4_096
_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class Sessions:
    """One credential, many logins. Times are monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._username = ""
        self._salt = b""
        self._digest = b""
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._verifying = asyncio.Lock()

    async def prepare(self, folder: StateFolder, username: str, password: str | None) -> str | None:
        """Load or make the credential. Returns the password only when it was just made up, to be shown once."""
        path = folder.path / "credential.json"
        raw = await folder.read(path)
        if raw is not None:
            kept = json.loads(raw)
            self._salt, self._digest = bytes.fromhex(kept["salt"]), bytes.fromhex(kept["scrypt"])
        self._username = username
        if password is None and raw is not None:
            return None
        made = secrets.token_urlsafe(15) if password is None else None
        chosen = made if made is not None else (password or "")
        if raw is None or not await self._matches(chosen):
            self._salt = secrets.token_bytes(16)
            self._digest = await asyncio.to_thread(_scrypt, chosen, self._salt)
            content = json.dumps({"salt": self._salt.hex(), "scrypt": self._digest.hex()}).encode()
            await folder.write(path, content)
        return made

    def is_known(self, session_id: str) -> bool:
        """Tell whether the cookie is a living login, and keep it alive."""
        seen = self._seen.get(session_id)
        if seen is None:
            return False
        now = self._clock()
        if now - seen > SESSION_S:
            del self._seen[session_id]
            return False
        self._seen[session_id] = now
        self._seen.move_to_end(session_id)
        return True

    def is_banned(self, address: str) -> bool:
        """Tell whether this address has failed too often lately."""
        count, until = self._failures.get(address, (0, 0.0))
        if until and until <= self._clock():
            del self._failures[address]
            return False
        return count >= MAX_FAILURES

    async def login(self, username: str, password: str, address: str) -> str | None:
        """Return a new session id, or None for a wrong credential, which is counted."""
        async with self._verifying:
            # One at a time: many guesses at once must not slip past the count.
            if self.is_banned(address):
                return None
            is_right = await self._matches(password) and hmac.compare_digest(
                username.encode(errors="replace"), self._username.encode()
            )
            if not is_right:
                count, _ = self._failures.get(address, (0, 0.0))
                self._failures[address] = (count + 1, self._clock() + BAN_S)
                self._failures.move_to_end(address)
                while len(self._failures) > MAX_ADDRESSES:
                    self._failures.popitem(last=False)
                return None
        self._failures.pop(address, None)
        session_id = secrets.token_urlsafe(24)
        self._seen[session_id] = self._clock()
        while len(self._seen) > MAX_SESSIONS:
            self._seen.popitem(last=False)
        return session_id

    def logout(self, session_id: str) -> None:
        """End a login."""
        self._seen.pop(session_id, None)

    async def _matches(self, password: str) -> bool:
        digest = await asyncio.to_thread(_scrypt, password, self._salt)
        return hmac.compare_digest(digest, self._digest)


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(errors="replace"), salt=salt, **_SCRYPT)
