"""Reading a large account: against a bare Polars scan-to-Parquet of the same files.

    python benchmarks/reading.py --contacts 1000000 --transactions 5000000
    python benchmarks/reading.py --single 2000

The files are blocks of the sample account repeated under new ids, with its quoted newlines, commas
and doubled quotes. Each side runs in a fresh process, and writes Parquet of the same compression:

    bare     one file per CSV file: text, no lineage, nothing checked
    reader   the reader as the extract asset runs it: one frame per export with lineage, quarantine,
             hashes, spreadsheet damage
    typed    the same, and then dates, money, counts and flags of all rows typed and the tags and
             lists split, into a frame beside the raw one; rows typed, rows read and records in the
             files are compared file by file

Prints wall and CPU time, their ratios to the bare side, and peak memory. `--single MB` reads one
transactions file of that size instead.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
# What makes a row another person's or another payment's, and how it is renumbered.
RENUMBERED = {
    "contacts": ("id",),
    "transactions": ("ID", "lead_id", "subscription_id", "Processor_transaction_id"),
}
SOURCES = {
    "contacts": "contacts_kartra_10-06-2026_6a29bc99e0a59.csv",
    "transactions": "report_all_transactions_10-06-2026_6a298249321a9.csv",
}
PARTS = 4
# Of a transaction in the sample account.
BYTES_PER_ROW = 380
ZONE = "America/New_York"


def generate(folder: Path, export: str, rows: int, parts: int = PARTS) -> None:
    """Write `rows` records of `export` in part files."""
    block = pl.read_csv(SAMPLE / SOURCES[export], infer_schema=False, encoding="utf8")
    emails = [column for column in block.columns if column.lower() in {"email", "buyer_email"}]
    written = 0
    for part in range(parts):
        path = folder / SOURCES[export].replace("10-06-2026", f"{10 + part}-06-2026")
        with path.open("wb") as handle:
            wanted = rows * (part + 1) // parts
            first = True
            while written < wanted:
                repeat = written // block.height
                chunk = block.head(min(block.height, wanted - written)).with_columns(
                    *(
                        pl.when(pl.col(column).str.contains(r"^\d+$"))
                        .then((pl.col(column).cast(pl.Int64, strict=False) + repeat * 10_000_000)
                              .cast(pl.String))
                        .otherwise(pl.col(column))
                        for column in RENUMBERED[export]
                    ),
                    *(pl.lit(f"{repeat}.") + pl.col(column) for column in emails),
                )  # fmt: skip
                chunk.write_csv(handle, include_header=first)
                written += chunk.height
                first = False


def bare(folder: Path, out: Path) -> int:
    """The yardstick: text columns only, nothing checked, no lineage."""
    rows = 0
    for path in sorted(folder.glob("*.csv")):
        target = out / f"{path.stem}.parquet"
        pl.scan_csv(path, infer_schema=False).sink_parquet(target)
        rows += pl.scan_parquet(target).select(pl.len()).collect().item()
    return rows


def reader(folder: Path, out: Path) -> int:
    """The reader as the extract asset runs it; its rows are counted."""
    from kartra_sf_pipeline.kartra.reader import spool_folder

    spooled = spool_folder(folder, out)
    rows = 0
    for frame in spooled.frames.values():
        rows += frame.select(pl.len()).collect().item()
    told = sum(report.rows + report.quarantined for report in spooled.files)
    aside = sum(report.quarantined for report in spooled.files)
    if rows + aside != told:
        message = f"{rows} rows and {aside} set aside of {told} records"
        raise SystemExit(message)
    return rows


def typed(folder: Path, out: Path) -> int:
    """Read, then type every row; what each file holds must arrive."""
    from kartra_sf_pipeline.kartra.reader import spool_folder

    spooled = spool_folder(folder, out)
    told = {report.path: report.rows for report in spooled.files}
    counted: dict[str, int] = {}
    for export, write in (("contacts", type_contacts), ("transactions", type_transactions)):
        path = out / f"{export}_typed.parquet"
        write(spooled.frames[export], path)
        found = pl.scan_parquet(path).group_by("source_file").len().collect(engine="streaming")
        counted |= dict(found.iter_rows())
    if counted != told:
        message = f"typed {counted}, read {told}"
        raise SystemExit(message)
    return sum(counted.values())


def type_transactions(raw: pl.LazyFrame, path: Path) -> None:
    """The typed columns as `transactions_prepared` has them, before any decision."""
    from kartra_sf_pipeline.prepare.transaction_facts import (
        MONEY_COLUMNS,
        WHOLE_COLUMNS,
        transaction_details,
        transaction_events,
    )

    events = transaction_events(raw, zone=ZONE).lazy().drop("extract_date")
    values = [name for name in (*MONEY_COLUMNS, *WHOLE_COLUMNS) if name != "amount"]
    details = transaction_details(raw).select(
        *values, "trial", "automatic_cancellation", "extract_date", "source_file", "source_line"
    )
    pl.concat([events, details], how="horizontal").sink_parquet(path)


def type_contacts(raw: pl.LazyFrame, path: Path) -> None:
    """Typed columns as `contacts_prepared` has them, but for names, e-mails and phones."""
    from kartra_sf_pipeline.prepare.codes import clean_id, parse_flag, parse_whole
    from kartra_sf_pipeline.prepare.dates import parse_datetime
    from kartra_sf_pipeline.prepare.tags import delimiters, split_labels

    cells = raw.select("source_file", "tags", "lists").collect()
    labels = [split_labels(cells, name, delimiters(cells, name)) for name in ("tags", "lists")]
    values = raw.select(
        clean_id(pl.col("id")),
        *(parse_datetime(pl.col(name), ZONE) for name in ("date_joined", "gdpr_status_date")),
        parse_whole(pl.col("score")),
        *(parse_flag(pl.col(name)) for name in ("blacklisted", "lead_deleted")),
        "extract_date",
        "source_file",
        "source_line",
    )
    pl.concat([values, pl.DataFrame(labels).lazy()], how="horizontal").sink_parquet(path)


SIDES = {"bare": bare, "reader": reader, "typed": typed}


def measured(side: str, folder: Path) -> dict[str, float]:
    """Run one side in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        command = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--out", out]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout)


def one_side(side: str, folder: Path, out: Path) -> None:
    began = time.monotonic()
    rows = SIDES[side](folder, out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {
        "rows": rows,
        "wall": time.monotonic() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(took))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--contacts", type=int, default=1_000_000)
    options.add_argument("--transactions", type=int, default=5_000_000)
    options.add_argument("--single", type=int, metavar="MB", help="one transactions file instead")
    options.add_argument("--repeat", type=int, default=1, help="runs of each side; best is shown")
    options.add_argument("--folder", type=Path, help="keep the generated files here")
    options.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        one_side(given.side, given.folder, given.out)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch) / "exports"
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
            if given.single:
                generate(folder, "transactions", given.single * 10**6 // BYTES_PER_ROW, parts=1)
            else:
                generate(folder, "contacts", given.contacts)
                generate(folder, "transactions", given.transactions)
        report(folder, given.repeat)


def report(folder: Path, repeat: int) -> None:
    files = sorted(folder.glob("*.csv"))
    size = sum(path.stat().st_size for path in files)
    print(f"{len(files)} files, {size / 1e6:,.0f} MB")
    for path in files:
        # Both sides then find the files in the page cache.
        with path.open("rb") as handle:
            hashlib.file_digest(handle, "blake2b")
    best: dict[str, dict[str, float]] = {}
    for _ in range(repeat):
        for side in SIDES:
            took = measured(side, folder)
            if side not in best or took["cpu"] < best[side]["cpu"]:
                best[side] = took
    for side, took in best.items():
        print(
            f"{side:>7}: {took['rows']:,.0f} rows, {took['wall']:6.1f} s wall, "
            f"{took['cpu']:6.1f} s CPU, peak {took['peak_mb']:,.0f} MB"
        )
    for side in ("reader", "typed"):
        wall, cpu = (best[side][what] / best["bare"][what] for what in ("wall", "cpu"))
        print(f"{side} to bare: {wall:.2f} of wall time, {cpu:.2f} of CPU time")


if __name__ == "__main__":
    main()
