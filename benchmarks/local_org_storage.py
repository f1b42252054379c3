"""SQLite against DuckDB as the local org's storage: the same upsert twice, then reads by key.

    python benchmarks/local_org_storage.py [--rows 200000]

Both engines get the same generated contacts (16 columns, a unique key, durable commits). DuckDB is
left out with a word when it is not installed: the project does not need it.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

COLUMNS = [f"c{i}" for i in range(14)]
READS = 2_000


def contacts(rows: int) -> pl.DataFrame:
    number = pl.int_range(rows, eager=True)
    base = pl.DataFrame({"n": number}).select(
        pl.format("003Lo0{}AAA", pl.col("n").cast(pl.String).str.zfill(9)).alias("Id"),
        pl.format("key{}", pl.col("n")).alias("k"),
        *[
            pl.format("value {} of person {}", pl.lit(str(i)), pl.col("n") % (1_000 + i)).alias(c)
            for i, c in enumerate(COLUMNS)
        ],
    )
    return base.sample(fraction=1.0, shuffle=True, seed=1)


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def sqlite(folder: Path, frame: pl.DataFrame, keys: list[str]) -> dict[str, float]:
    db = sqlite3.connect(folder / "org.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA cache_size=-131072")
    text = ", ".join(f"{c} TEXT" for c in COLUMNS)
    db.execute(f"CREATE TABLE contact (Id TEXT PRIMARY KEY, k TEXT COLLATE NOCASE, {text})")
    db.execute("CREATE UNIQUE INDEX by_key ON contact (k)")
    names = ", ".join(frame.columns)
    marks = ", ".join("?" * len(frame.columns))
    sets = ", ".join(f"{c} = excluded.{c}" for c in COLUMNS)
    sql = f"INSERT INTO contact ({names}) VALUES ({marks}) ON CONFLICT (k) DO UPDATE SET {sets}"

    def upsert() -> None:
        db.execute("BEGIN IMMEDIATE")
        for part in frame.iter_slices(20_000):
            db.executemany(sql, part.rows())
        db.execute("COMMIT")

    def read() -> None:
        for key in keys:
            db.execute("SELECT * FROM contact WHERE k = ?", (key,)).fetchone()

    found = {"upsert": timed(upsert), "same again": timed(upsert), "point reads": timed(read)}
    db.close()
    return found


def duckdb(folder: Path, frame: pl.DataFrame, keys: list[str]) -> dict[str, float]:
    import duckdb as engine  # type: ignore[import-not-found]

    db = engine.connect(str(folder / "org.duckdb"))
    text = ", ".join(f"{c} VARCHAR" for c in COLUMNS)
    db.execute(f"CREATE TABLE contact (Id VARCHAR, k VARCHAR PRIMARY KEY, {text})")
    names = ", ".join(frame.columns)
    sets = ", ".join(f"{c} = excluded.{c}" for c in COLUMNS)
    arrow = frame.to_arrow()
    db.register("incoming", arrow)

    def upsert() -> None:
        db.execute(
            f"INSERT INTO contact ({names}) SELECT {names} FROM incoming "
            f"ON CONFLICT (k) DO UPDATE SET {sets}"
        )

    def read() -> None:
        for key in keys:
            db.execute("SELECT * FROM contact WHERE k = ?", [key]).fetchone()

    found = {"upsert": timed(upsert), "same again": timed(upsert), "point reads": timed(read)}
    db.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    rows = parser.parse_args().rows
    frame = contacts(rows)
    draw = random.Random(1)
    keys = [f"key{draw.randrange(rows)}" for _ in range(READS)]
    with tempfile.TemporaryDirectory() as name:
        mine = sqlite(Path(name), frame, keys)
        print(f"{rows:,} rows of {len(frame.columns)} columns")
        for what, seconds in mine.items():
            print(f"  SQLite  {what:<12} {seconds:8.2f} s")
        if importlib.util.find_spec("duckdb") is None:
            print("  DuckDB is not installed: nothing to compare with.")
            return
        other = duckdb(Path(name), frame, keys)
        for what, seconds in other.items():
            ratio = seconds / mine[what]
            print(f"  DuckDB  {what:<12} {seconds:8.2f} s   {ratio:6.1f} x SQLite")


if __name__ == "__main__":
    main()
