"""Transactions of a large account: read, typed, decided and conserved, against a bare scan.

    python benchmarks/prepare_money.py --transactions 5000000

A sample account is written in which six of ten contacts buy. Each side runs in a fresh process and
prints wall time, CPU time and peak memory:

    bare     Polars scans the CSV files of transactions and subscriptions into Parquet: text, no
             lineage, nothing checked
    read     the reader does the same, with lineage, quarantine and reports
    prepare  values typed, buyers found, older extracts, subscriptions and refunds decided, and all
             of it streamed into one Parquet file; rows in and rows out are compared
    derive   subscriptions, products, affiliates and spend from that file

The last lines give the ratios to the bare scan. Contacts are read beforehand and not timed.
"""

import argparse
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

ZONE = "America/New_York"
BUYERS = 0.6
# Rows of transactions per contact of such an account.
ROWS_PER_CONTACT = 5.36
MONEY = ("*transactions*.csv", "*subscriptions*.csv")


def bare(work: Path) -> dict[str, int]:
    rows = 0
    for path in sorted((work / "money").iterdir()):
        target = work / "bare" / f"{path.stem}.parquet"
        pl.scan_csv(path, infer_schema=False).sink_parquet(target, mkdir=True)
        rows += pl.scan_parquet(target).select(pl.len()).collect().item()
    return {"rows": rows}


def read(work: Path) -> dict[str, int]:
    from kartra_sf_pipeline.kartra.reader import spool_folder

    spooled = spool_folder(work / "money", work / "spool")
    for export in ("transactions", "subscriptions"):
        # As the asset's frames are stored.
        spooled.paths[export].replace(work / f"raw_{export}.parquet")
    return {"rows": sum(report.rows + report.quarantined for report in spooled.files)}


def prepare(work: Path) -> dict[str, int]:
    from kartra_sf_pipeline.prepare.transactions import judge_transactions

    raw = pl.scan_parquet(work / "raw_transactions.parquet")
    judged = judge_transactions(
        raw,
        pl.read_parquet(work / "raw_subscriptions.parquet"),
        pl.read_parquet(work / "people.parquet"),
        zone=ZONE,
    )
    judged.frame.sink_parquet(work / "transactions_prepared.parquet")
    given = raw.select(pl.len()).collect().item()
    decided = (
        pl.scan_parquet(work / "transactions_prepared.parquet")
        .select(pl.col("disposition").count())
        .collect()
        .item()
    )
    if given != decided:
        message = f"{decided} of {given} rows have a disposition"
        raise SystemExit(message)
    return {"rows": decided}


def derive(work: Path) -> dict[str, int]:
    from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
    from kartra_sf_pipeline.prepare.products import derive_products
    from kartra_sf_pipeline.prepare.spend import contact_spend
    from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions

    money = pl.scan_parquet(work / "transactions_prepared.parquet")
    people = pl.read_parquet(work / "people.parquet")
    exported = pl.read_parquet(work / "raw_subscriptions.parquet")
    subscribed, derived = prepare_subscriptions(exported, money, people, zone=ZONE)
    affiliates = prepare_affiliates(pl.read_parquet(work / "raw_affiliates.parquet"), money)
    frames = (
        subscribed, derived, *affiliates, derive_products(money, subscribed), contact_spend(money),
    )  # fmt: skip
    return {"rows": sum(frame.height for frame in frames)}


def generate(work: Path) -> dict[str, int]:
    """Write the account, put its money files apart, and keep the keys of its people."""
    from kartra_sf_pipeline.kartra.reader import spool_folder
    from kartra_sf_pipeline.sample import write_account

    account = work / "account"
    contacts = int((work / "contacts").read_text())
    written = write_account(account, contacts=contacts, seed=5, buyers=BUYERS)
    (work / "money").mkdir()
    for pattern in MONEY:
        for path in account.glob(pattern):
            path.rename(work / "money" / path.name)
    frames = spool_folder(account, work / "people").frames
    frames["affiliates"].collect().write_parquet(work / "raw_affiliates.parquet")
    frames["contacts"].filter(pl.col("id").is_not_null()).unique("id", keep="any").select(
        pl.col("email").str.to_lowercase(),
        contact_key="id",
        kartra_id="id",
        email_raw="email",
        merged_keys=pl.lit([], pl.List(pl.String)),
    ).sink_parquet(work / "people.parquet")
    shutil.rmtree(work / "people")
    return {"rows": sum(written.values())}


SIDES = {"bare": bare, "read": read, "prepare": prepare, "derive": derive}
# A process that has held much passes its peak on to its children: the account is made in another.
ALL = SIDES | {"generate": generate}


def one_side(side: str, work: Path) -> None:
    began = time.monotonic()
    took = ALL[side](work)
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        **took,
        "wall": time.monotonic() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(figures))


def measured(side: str, work: Path) -> dict[str, float]:
    for path in (work / "money").glob("*.csv"):
        # All sides then find the files in the page cache.
        with path.open("rb") as handle:
            hashlib.file_digest(handle, "blake2b")
    return run_side(side, work)


def run_side(side: str, work: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", side, "--folder", str(work)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout)


def report(work: Path) -> None:
    size = sum(path.stat().st_size for path in (work / "money").iterdir())
    print(f"transactions and subscriptions: {size / 1e6:,.0f} MB")
    took = {}
    for side in SIDES:
        took[side] = measured(side, work)
        figures = took[side]
        print(
            f"{side:>8}: {figures['rows']:>10,.0f} rows, {figures['wall']:6.1f} s wall, "
            f"{figures['cpu']:6.1f} s CPU, peak {figures['peak_mb']:,.0f} MB",
            flush=True,
        )
    compared = (
        ("read", ["read"]),
        ("read + prepare", ["read", "prepare"]),
        ("read + prepare + derive", ["read", "prepare", "derive"]),
    )
    for name, sides in compared:
        wall, cpu = (
            sum(took[side][what] for side in sides) / took["bare"][what] for what in ("wall", "cpu")
        )
        print(f"{name} to bare: {wall:.2f} of wall time, {cpu:.2f} of CPU time")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--transactions", type=int, default=5_000_000)
    options.add_argument("--folder", type=Path, help="keep the account and the frames here")
    options.add_argument("--side", choices=ALL, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        one_side(given.side, given.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = given.folder or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        if not (work / "money").exists():
            (work / "contacts").write_text(
                str(max(round(given.transactions / ROWS_PER_CONTACT), 1))
            )
            run_side("generate", work)
        report(work)


if __name__ == "__main__":
    main()
