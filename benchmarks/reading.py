"""Reading a large account: against a bare Polars scan-to-Parquet of the same files.

    python benchmarks/reading.py --contacts 1000000 --transactions 5000000

The files are blocks of the sample account repeated under new ids, with its quoted newlines, commas
and doubled quotes. Each side runs in a fresh process: the bare scan writes one Parquet file per
CSV file; the reader writes one per export, with lineage, and its rows are counted against the
records of the files. Prints wall and CPU time, their ratios, and peak memory.
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


def generate(folder: Path, export: str, rows: int) -> None:
    """Write `rows` records of `export` in part files."""
    block = pl.read_csv(SAMPLE / SOURCES[export], infer_schema=False, encoding="utf8")
    emails = [column for column in block.columns if column.lower() in {"email", "buyer_email"}]
    written = 0
    for part in range(PARTS):
        path = folder / SOURCES[export].replace("10-06-2026", f"{10 + part}-06-2026")
        with path.open("wb") as handle:
            wanted = rows * (part + 1) // PARTS
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
    """The reader as the extract asset runs it."""
    from kartra_sf_pipeline.kartra.reader import spool_folder

    spooled = spool_folder(folder, out)
    rows = 0
    for frame in spooled.frames.values():
        rows += frame.select(pl.len()).collect().item()
    told = sum(report.rows + report.quarantined for report in spooled.files)
    if rows + spooled.quarantine.height != told:
        message = f"{rows} rows and {spooled.quarantine.height} set aside of {told} records"
        raise SystemExit(message)
    return rows


def measured(side: str, folder: Path) -> dict[str, float]:
    """Run one side in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        command = [sys.executable, __file__, "--side", side, "--folder", str(folder), "--out", out]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout)


def one_side(side: str, folder: Path, out: Path) -> None:
    began = time.monotonic()
    rows = {"bare": bare, "reader": reader}[side](folder, out)
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
    options.add_argument("--repeat", type=int, default=1, help="runs of each side; best is shown")
    options.add_argument("--folder", type=Path, help="keep the generated files here")
    options.add_argument("--side", choices=("bare", "reader"), help=argparse.SUPPRESS)
    options.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        one_side(given.side, given.folder, given.out)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch) / "exports"
        folder.mkdir(parents=True, exist_ok=True)
        if not any(folder.iterdir()):
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
        for side in ("bare", "reader"):
            took = measured(side, folder)
            if side not in best or took["wall"] < best[side]["wall"]:
                best[side] = took
    for side, took in best.items():
        print(
            f"{side:>7}: {took['rows']:,.0f} rows, {took['wall']:6.1f} s wall, "
            f"{took['cpu']:6.1f} s CPU, peak {took['peak_mb']:,.0f} MB"
        )
    ratios = [best["reader"][what] / best["bare"][what] for what in ("wall", "cpu")]
    print(f"  ratio: {ratios[0]:.2f} of wall time, {ratios[1]:.2f} of CPU time")


if __name__ == "__main__":
    main()
