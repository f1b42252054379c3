"""A full rehearsal of a large account: wall time per stage and peak memory.

    python benchmarks/rehearsal.py --contacts 200000

Prints seconds, the share of each stage, and ratios to the time of the org's own ingest, so that
runs on machines of different speed can be compared.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import psutil

STAGES = {
    "extract": ("raw_", "quarantine", "export_files"),
    "load": ("loaded_",),
    "gates": ("gate_",),
    "prove": ("dispositions", "reconciliation", "read_back"),
    "map": ("org_snapshot", "field_map", "schema_"),
    "scope": ("account_audit", "behavioural", "data_quality", "migration_", "will_not_"),
    "prepare": (
        "contacts_prepared", "contact_matches", "contacts_unified", "contact_rows", "parsed_",
        "companies_prepared", "company_rows", "transactions_prepared", "subscriptions_",
        "affiliates_prepared", "affiliates_derived", "bookings_", "notes_", "products_derived",
    ),
}  # fmt: skip


def stage_of(step: str) -> str:
    for stage, prefixes in STAGES.items():
        if step.startswith(prefixes):
            return stage
    return "transform"


class ServerMemory(threading.Thread):
    """Highest resident size of the local org's process while the run lasts, in MB."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.peak = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.5):
            try:
                pid = json.loads((self.home / "org" / "server.json").read_text())["pid"]
                self.peak = max(self.peak, psutil.Process(pid).memory_info().rss // 1024**2)
            except (OSError, ValueError, KeyError, psutil.Error):
                continue


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--contacts", type=int, default=200_000)
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    cli = Path(sys.executable).with_name("kartra-sf")
    with tempfile.TemporaryDirectory() as folder:
        exports, home = Path(folder) / "exports", Path(folder) / "home"
        began = time.monotonic()
        subprocess.run(
            [cli, "sample", "--contacts", str(given.contacts), "--seed", str(given.seed),
             "--out", exports],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        sampled = time.monotonic() - began
        watch = ServerMemory(home)
        watch.start()
        try:
            began = time.monotonic()
            run = subprocess.run(
                [cli, "rehearse", "--home", home, "--exports", exports, "--json"],
                check=False, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            wall = time.monotonic() - began
        finally:
            watch.over.set()
            subprocess.run(
                [cli, "org", "stop", "--home", home], check=False, stdout=subprocess.DEVNULL
            )
        report(json.loads(run.stdout), given.contacts, sampled, wall, watch.peak)
    sys.exit(run.returncode)


def report(summary: dict, contacts: int, sampled: float, wall: float, server_mb: int) -> None:
    seconds: dict[str, float] = defaultdict(float)
    for step, took in summary["timings"].items():
        seconds[stage_of(step)] += took
    rows = sum(source["rows"] for source in summary["sources"].values())
    records = sum(counts["created"] for counts in summary["objects"].values())
    print(f"{contacts:,} contacts, {rows:,} source rows, {records:,} records created")
    print(
        f"status {summary['status']}, {summary['read_back']['differences']} differences read back"
    )
    for problem in summary["problems"]:
        print(f"  problem: {problem}")
    for stage, took in sorted(seconds.items(), key=lambda item: -item[1]):
        ratio = took / seconds["load"] if seconds["load"] else 0
        print(f"{stage:>10} {took:8.1f} s {took / wall:6.0%} of the run {ratio:6.2f} x load")
    print(f"{'sample':>10} {sampled:8.1f} s (before the run)")
    print(f"{'wall':>10} {wall:8.1f} s, {rows / wall:,.0f} source rows a second")
    print(f"peak memory: pipeline {summary['peak_memory_mb']:,} MB, local org {server_mb:,} MB")
    print("slowest steps:")
    for step, took in sorted(summary["timings"].items(), key=lambda item: -item[1])[:12]:
        print(f"  {took:7.1f} s  {step}")


if __name__ == "__main__":
    main()
