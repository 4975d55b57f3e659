"""SQLite on one thread of its own: opened, migrated, written by one writer; nothing blocks the loop."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ..errors import EngineError

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"


class StorageError(EngineError):
    """The database cannot be opened or was made by a newer version."""


class Database:
    """One SQLite file. Every piece of work is a function of the connection and one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._executor: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open and migrate. Raises StorageError, and leaves the file as it was."""
        if self._executor is not None:
            return
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trusttune-db")
        try:
            self._connection = await asyncio.get_running_loop().run_in_executor(
                self._executor, open_connection, self._path
            )
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what is under way and close; closing twice is fine."""
        executor, connection = self._executor, self._connection
        self._executor = self._connection = None
        if executor is None:
            return
        loop = asyncio.get_running_loop()
        if connection is not None:
            await loop.run_in_executor(executor, connection.close)
        await loop.run_in_executor(None, executor.shutdown)

    async def run(self, work: Callable[[sqlite3.Connection], T], committed: Callable[[], None] = lambda: None) -> T:
        """Run `work` in a transaction of its own: all of it is kept, or nothing. Raises StorageError.

        A caller that is cancelled does not stop work that has begun: it is committed whole.
        `committed` is called on the database's thread after the commit and before any later work.
        """
        if self._executor is None or self._connection is None:
            raise StorageError("The database is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, _transact, self._connection, work, committed
            )
        except sqlite3.Error as error:
            raise StorageError(f"The database cannot be used: {error}. Check the disk it lies on.") from error


def _transact[T](
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], committed: Callable[[], None]
) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    committed()
    return result


def open_connection(path: Path) -> sqlite3.Connection:
    """Open and migrate a database, on the thread that will use it. Raises StorageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        # WAL with NORMAL keeps every transaction through a killed process; FULL also through a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"The database {path.name} cannot be opened: {error}") from error
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    steps = sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    newest = int(steps[-1].name[:4])
    if version > newest:
        raise StorageError(f"The database is of version {version}, made by a newer TrustTune; this one knows {newest}")
    for step in steps[version:]:
        number = int(step.name[:4])
        try:
            connection.executescript(f"BEGIN;\n{step.read_text('utf-8')}\nPRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
