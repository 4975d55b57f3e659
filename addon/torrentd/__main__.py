"""`python -m torrentd` and the command `trusttune-torrentd`."""

import asyncio
import logging
import sys
from collections.abc import Sequence

from .daemon import run
from .options import OptionsError, read_options
from .records.folder import StateFolderError


def main(argv: Sequence[str] | None = None) -> int:
    """Run torrentd; 0 after an orderly stop, 1 when it could not start, 2 for wrong options."""
    try:
        options = read_options(sys.argv[1:] if argv is None else argv)
    except OptionsError as error:
        sys.stderr.write(f"torrentd: {error}\n")
        return 2
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        asyncio.run(run(options))
    except (StateFolderError, OSError) as error:
        sys.stderr.write(f"torrentd cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
