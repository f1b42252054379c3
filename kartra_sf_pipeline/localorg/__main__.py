"""`python -m kartra_sf_pipeline.localorg --home DIR`: serve a local org in the foreground."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from kartra_sf_pipeline.localorg.server import run


def main() -> int:
    """Parse the arguments and serve; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m kartra_sf_pipeline.localorg")
    parser.add_argument("--home", type=Path, required=True, help="folder that holds the org")
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument(
        "--idle-minutes", type=float, default=30, help="end after so long without a request"
    )
    given = parser.parse_args()
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return run(given.home, port=given.port, idle_minutes=given.idle_minutes)


if __name__ == "__main__":
    sys.exit(main())
