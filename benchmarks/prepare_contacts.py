"""Contacts prepared from the stored frame: CPU seconds per library, ratio, peak memory.

    python benchmarks/prepare_contacts.py --contacts 1000000

A generated account is repeated with other ids, addresses, names and numbers until there are as many
contacts as asked for. The measured process is a fresh one that scans the stored frame, as the
asset does. CPU seconds are of all threads; the ratio is to a scan of the same file to Parquet.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.prepare import contacts

ENDINGS = ("", "son", "ova", "er", "in", "ez")


def repeated(rows: pl.DataFrame, turn: int) -> pl.DataFrame:
    """The same people with other ids, addresses, names and numbers."""
    if turn == 0:
        return rows
    ending = ENDINGS[turn % len(ENDINGS)]
    digits = ((pl.int_range(pl.len()) * 7 + turn * 131) % 1000).cast(pl.String).str.zfill(3)
    head = pl.col("phone").str.slice(0, pl.col("phone").str.len_chars() - 3)
    lone = pl.col("last_name").is_null()
    return rows.with_columns(
        id=pl.col("id") + str(turn),
        email=pl.when(pl.col("email").str.contains("@"))
        .then(pl.lit(f"k{turn}") + pl.col("email"))
        .otherwise("email"),
        first_name=pl.when(lone).then(pl.col("first_name") + ending).otherwise("first_name"),
        last_name=pl.col("last_name") + ending,
        phone=head + digits,
        source_line=pl.col("source_line") + turn * 10_000_000,
    )


def make(folder: Path, size: int) -> None:
    command = [sys.executable, "-m", "kartra_sf_pipeline.cli", "sample", "--json"]
    few = min(size, 50_000)
    command += ["--contacts", str(few), "--out", str(folder / "account")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    frames = read_folder(folder / "account").frames
    rows = frames["contacts"]
    turns = -(-size // rows.height)
    pl.concat([repeated(rows, turn) for turn in range(turns)]).head(size).write_parquet(
        folder / "raw.parquet"
    )
    frames["companies"].write_parquet(folder / "companies.parquet")


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(folder: Path) -> None:
    spent: dict[str, float] = {}

    def timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            began = time.process_time()
            result = work(*given)
            spent[name] = spent.get(name, 0.0) + time.process_time() - began
            return result

        return run

    scan = pl.scan_parquet(folder / "raw.parquet")
    began = time.process_time()
    scan.sink_parquet(folder / "copy.parquet")
    bare = time.process_time() - began
    # A measurement of the real parts, not a replacement of them.
    for name in ("prepare_names", "prepare_emails", "prepare_phones"):
        setattr(contacts, name, timed(name, getattr(contacts, name)))
    wall, began = time.perf_counter(), time.process_time()
    frame = contacts.prepare_contacts(
        scan, raw_companies=pl.read_parquet(folder / "companies.parquet")
    )
    whole, wall = time.process_time() - began, time.perf_counter() - wall
    libraries = sum(spent.values())
    print("| what | CPU s | ratio to the bare scan |\n|---|---|---|")
    for name, seconds in (("bare scan to Parquet", bare), *spent.items()):
        print(f"| {name} | {seconds:.1f} | {seconds / bare:.1f} |")
    print(f"| names, e-mails and phones | {libraries:.1f} | {libraries / bare:.1f} |")
    print(f"| prepare_contacts in all | {whole:.1f} | {whole / bare:.1f} |")
    print(f"\n{frame.height:,} rows, {wall:.0f} s of wall time, peak {peak_mb():,} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        # A process of its own: what making the account took must not count as memory here.
        make(Path(folder), asked.contacts)
        subprocess.run([sys.executable, __file__, "--measure", folder], check=True)


if __name__ == "__main__":
    main()
