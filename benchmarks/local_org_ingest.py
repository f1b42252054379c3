"""Bulk 2.0 upsert of 15-column Contacts into a local org, against the engine's bare insert.

    python benchmarks/local_org_ingest.py [--rows 100000]

From creating the job to having its results, the same file twice: once creating, once updating. The
bare insert parses the same CSV and writes it to a SQLite table with the same unique key, durably.
"""

from __future__ import annotations

import argparse
import io
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import psutil

from kartra_sf_pipeline.localorg import process

DATA = "/services/data/v62.0"
# Contact.Email names records in an upsert, so that nothing has to be deployed.
KEY = "Email"


def contacts(rows: int) -> bytes:
    n = pl.col("n")
    frame = pl.DataFrame({"n": pl.int_range(rows, eager=True)}).select(
        pl.format("person{}@mail.example", n).alias(KEY),
        pl.format("First{}", n % 997).alias("FirstName"),
        pl.format("Last{}", n % 9_973).alias("LastName"),
        pl.format("+1555{}", n.cast(pl.String).str.zfill(7)).alias("Phone"),
        pl.format("+1556{}", n.cast(pl.String).str.zfill(7)).alias("MobilePhone"),
        pl.format("{} Long Street", n % 500).alias("MailingStreet"),
        pl.format("City {}", n % 300).alias("MailingCity"),
        pl.format("State {}", n % 50).alias("MailingState"),
        (n % 90_000 + 10_000).cast(pl.String).alias("MailingPostalCode"),
        pl.lit("United States").alias("MailingCountry"),
        pl.lit("Web").alias("LeadSource"),
        pl.format("Title {}", n % 40).alias("Title"),
        pl.lit("1980-02-29").alias("Birthdate"),
        (n % 2 == 0).cast(pl.String).alias("HasOptedOutOfEmail"),
        pl.format("Note about person {}", n).alias("Description"),
    )
    out = io.BytesIO()
    frame.write_csv(out)
    return out.getvalue()


def timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bare(folder: Path, data: bytes) -> float:
    def work() -> None:
        frame = pl.read_csv(io.BytesIO(data), infer_schema=False)
        db = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        columns = ", ".join(f"{c} TEXT" for c in frame.columns)
        db.execute(f"CREATE TABLE contact ({columns})")
        db.execute(f"CREATE UNIQUE INDEX by_key ON contact ({KEY})")
        marks = ", ".join("?" * frame.width)
        db.execute("BEGIN IMMEDIATE")
        for part in frame.iter_slices(20_000):
            db.executemany(f"INSERT INTO contact VALUES ({marks})", part.rows())
        db.execute("COMMIT")
        db.close()

    return timed(work)


def load(client: httpx.Client, data: bytes, rows: int) -> float:
    def work() -> None:
        job = client.post(
            f"{DATA}/jobs/ingest",
            json={
                "object": "Contact",
                "operation": "upsert",
                "externalIdFieldName": KEY,
                "contentType": "CSV",
                "lineEnding": "LF",
            },
        ).json()["id"]
        path = f"{DATA}/jobs/ingest/{job}"
        headers = {"Content-Type": "text/csv"}
        client.put(f"{path}/batches", content=data, headers=headers).raise_for_status()
        client.patch(path, json={"state": "UploadComplete"}).raise_for_status()
        while True:
            found = client.get(path).json()
            if found["state"] in {"JobComplete", "Failed", "Aborted"}:
                break
            time.sleep(0.05)
        counts = found["numberRecordsProcessed"], found["numberRecordsFailed"]
        if found["state"] != "JobComplete" or counts != (rows, 0):
            raise SystemExit(f"The load went wrong: {found}")
        client.get(f"{path}/successfulResults").raise_for_status()

    return timed(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    data = contacts(rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        least = bare(folder, data)
        print(f"{rows:,} contacts of 15 columns, {len(data) / 1e6:.0f} MB")
        print(f"  bare insert   {least:7.2f} s  {rows / least:10,.0f} rows a second")
        address = process.ensure_running(folder)
        try:
            server = psutil.Process(address.pid)
            headers = {"Authorization": f"Bearer {address.access_token}"}
            with httpx.Client(base_url=address.url, headers=headers, timeout=600) as client:
                for what in ("creating", "updating"):
                    cpu = sum(server.cpu_times()[:2])
                    seconds = load(client, data, rows)
                    cpu = sum(server.cpu_times()[:2]) - cpu
                    print(
                        f"  {what}      {seconds:7.2f} s  {rows / seconds:10,.0f} rows a second  "
                        f"{rows / cpu:10,.0f} a CPU-second  {seconds / least:5.1f} x bare"
                    )
            print(f"  server        {server.memory_info().rss / 1e6:7.0f} MB in the end")
        finally:
            process.stop(folder)


if __name__ == "__main__":
    main()
