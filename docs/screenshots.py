"""Takes the pictures of these pages again, from a real run, in headless Chromium.

Run it from the project's folder: `.venv/bin/python docs/screenshots.py`. It rehearses the sample
account in a new home, rehearses it again with one column of one file emptied, so that a gate
stops the run, serves both in Dagster's web interface, photographs what a user would see, and ends
what it has started. Needs `chromium` on the PATH, and makes smaller files with `pngquant`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = Path(__file__).resolve().parent / "images"
COMMAND = Path(sys.executable).with_name("kartra-sf")
LOCATION = "kartra_sf_pipeline.definitions"
SPOILT_FILE = "contacts_kartra_10-06-2026_6a29bc99e0a59.csv"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
# Shades of a flat interface: enough for every text to stay sharp, and a third of the bytes.
COLOURS = 96

Page = tuple[str, str, tuple[int, int]]
"""Name of a picture, the address of its page, width and height of the window."""


def spoil(source: Path, target: Path) -> None:
    """Copy the exports, with every e-mail address of one part file gone."""
    shutil.copytree(source, target)
    path = target / SPOILT_FILE
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    column = header.index("email")
    for row in rows:
        row[column] = ""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def rehearse(home: Path, exports: Path | None = None) -> dict[str, str]:
    """Run a rehearsal and return its summary, whatever its end."""
    command = [str(COMMAND), "rehearse", "--home", str(home), "--json"]
    if exports is not None:
        command += ["--exports", str(exports)]
    # Code 1 is what a failed gate gives, and one of the two runs is meant to fail.
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    return json.loads(ended.stdout)


@contextmanager
def web_interface(home: Path) -> Iterator[str]:
    """Dagster's web interface on the home; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(COMMAND), "ui", "--home", str(home), "--port", str(port)]
    log = (home / "ui.log").open("wb")
    process = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/server_info")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        log.close()


def photograph(url: str, picture: Path, *, width: int, height: int) -> None:
    """One page as PNG, with few colours where `pngquant` is at hand."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                "chromium",
                *FLAGS,
                f"--user-data-dir={profile}",
                "--virtual-time-budget=20000",
                f"--window-size={width},{height}",
                f"--screenshot={picture}",
                url,
            ],
            check=True,
            capture_output=True,
            timeout=180,
        )
    shrink = shutil.which("pngquant")
    if shrink:
        options = ["--force", "--skip-if-larger", "--ext", ".png", str(COLOURS)]
        # Code 98 or 99 says that nothing would be gained: the picture stays as it is.
        subprocess.run([shrink, *options, "--", str(picture)], check=False)


def main() -> None:
    """Make the two runs and photograph what each leaves."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures to take")
    wanted = parser.parse_args().only

    def take(pages: Iterator[Page]) -> None:
        for name, url, (width, height) in pages:
            if not wanted or name in wanted:
                photograph(url, IMAGES / f"{name}.png", width=width, height=height)

    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        home = Path(work) / "home"
        home.mkdir()
        try:
            rehearse(home)
            with web_interface(home) as address:
                take(_pages_of_success(home, address))
                spoil(PROJECT / "data" / "sample", Path(work) / "spoilt")
                rehearse(home, Path(work) / "spoilt")
                take(_pages_of_failure(home, address))
        finally:
            subprocess.run([str(COMMAND), "org", "stop", "--home", str(home)], check=False)


def _pages_of_success(home: Path, address: str) -> Iterator[Page]:
    group = f"{address}/locations/{LOCATION}/asset-groups"
    yield "asset-graph", _graph(address, "map", "prove"), (1500, 900)
    yield "group-load", f"{group}/load/list", (1500, 980)
    yield "asset", f"{address}/assets/contacts_prepared?view=overview", (1500, 1000)
    yield "report", _report(home, "succeeded").as_uri(), (1180, 1440)


def _pages_of_failure(home: Path, address: str) -> Iterator[Page]:
    check = "view=checks&checkDetail=contacts_mostly_have_email"
    yield "failed-gate", f"{address}/assets/raw_contacts?{check}", (1500, 900)
    yield "stopped-graph", _graph(address, "map", "prove"), (1500, 900)
    yield "report-failed", _report(home, "failed").as_uri(), (1180, 980)


def _graph(address: str, *expanded: str) -> str:
    """The graph of all assets, with the groups in which nothing can be read left closed."""
    groups = ",".join(f"global@global:{group}" for group in expanded)
    return f"{address}/asset-groups?expanded={groups}"


def _report(home: Path, status: str) -> Path:
    """The page of the newest run that ended so."""
    return max(
        (
            path.with_name("index.html")
            for path in home.glob("runs/*/summary.json")
            if json.loads(path.read_text(encoding="utf-8"))["status"] == status
        ),
        key=lambda page: page.stat().st_mtime,
    )


def _wait_for(url: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


if __name__ == "__main__":
    main()
