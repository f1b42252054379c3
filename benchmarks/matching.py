"""Matching of a large account with skewed names: seconds, CPU time, peak memory, what was compared.

    python benchmarks/matching.py --contacts 1000000

Contacts are drawn with Zipf's law over few first and last names, towns, streets and firms, so that
the biggest blocks are very big; one in twenty is a second record of another, with slips. They are
written as Parquet, and matching runs in a fresh process that reads the columns it needs. Prints
the share of the second records that were found: they are known here.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from kartra_sf_pipeline.prepare.match_features import columns_read
from kartra_sf_pipeline.prepare.matching import find_matches

SECONDS_SHARE = 20


def skewed(draw: np.random.Generator, size: int, distinct: int) -> np.ndarray:
    """Numbers below `distinct`, the n-th drawn 1/n as often as the first."""
    weights = 1.0 / np.arange(1, distinct + 1)
    return draw.choice(distinct, size=size, p=weights / weights.sum())


def syllables(numbers: np.ndarray, parts: tuple[str, ...]) -> pl.Series:
    """A speakable word for each number."""
    distinct = np.unique(numbers)
    base = len(parts)
    words = {int(n): "".join(parts[(int(n) // base**i) % base] for i in range(3)) for n in distinct}
    return pl.Series(numbers).replace_strict(words, return_dtype=pl.String)


ONSETS = ("bar", "son", "lin", "mor", "ta", "vel", "ket", "dro", "pha", "ni", "wes", "gru", "ha",
          "ji", "cal", "zu", "ro", "fen", "qui", "ste")  # fmt: skip


def people(size: int, seed: int) -> pl.DataFrame:
    """Prepared contacts, as far as matching reads them, and `person`, who each of them is."""
    draw = np.random.default_rng(seed)
    singles = size - size // SECONDS_SHARE
    first, last = skewed(draw, singles, 4_000), skewed(draw, singles, 8_000)
    town, firm = skewed(draw, singles, 3_000), skewed(draw, singles, 50_000)
    number = np.arange(singles)
    frame = pl.DataFrame(
        {
            "person": number,
            "first_name": syllables(first, ONSETS).str.to_titlecase(),
            "last_name": syllables(last + 3, ONSETS).str.to_titlecase(),
            "town": town,
            "house": draw.integers(1, 400, singles),
            "street_name": syllables(skewed(draw, singles, 2_000) + 11, ONSETS),
            "firm": firm,
            "digits": draw.integers(0, 10_000, singles),
            "host": skewed(draw, singles, 300),
            "phone": draw.integers(0, 9_999_999, singles),
            "has": draw.random(singles),
        }
    )
    again = frame.sample(size // SECONDS_SHARE, seed=seed)
    turn = pl.int_range(pl.len())
    again = again.with_columns(
        pl.when(turn % 4 == 0)
        .then(pl.col("last_name").str.slice(0, 4) + pl.col("last_name").str.slice(5))
        .otherwise("last_name")
        .alias("last_name"),
        pl.when(turn % 3 == 0).then(pl.col("host") + 1).otherwise("host").alias("host"),
        pl.when(turn % 2 == 0).then((pl.col("digits") + 7) % 10_000).otherwise("digits"),
    )
    both = pl.concat([frame, again]).with_columns(
        contact_key=pl.int_range(pl.len()).cast(pl.String),
        local=pl.concat_str(
            pl.col("first_name").str.to_lowercase(),
            pl.lit("."),
            pl.col("last_name").str.to_lowercase(),
            "digits",
        ),
    )
    # An address has one owner: whoever else would have come to it took another.
    taken = pl.col("person").first().over("local", "host") != pl.col("person")
    both = both.with_columns(
        pl.when(taken)
        .then(pl.concat_str("local", pl.lit("of"), "person"))
        .otherwise("local")
        .alias("local")
    )
    none = pl.lit(None, pl.String)
    return both.sample(fraction=1.0, shuffle=True, seed=seed).select(
        "person",
        "contact_key",
        disposition=pl.lit("keep"),
        first_name="first_name",
        middle_name=none,
        last_name="last_name",
        suffix=none,
        name_verdict=pl.lit("given"),
        email=pl.concat_str("local", pl.lit("@host"), "host", pl.lit(".com")),
        email_suggestion=none,
        phone_e164=pl.when(pl.col("has") < 0.5).then(
            pl.lit("+1212") + pl.col("phone").cast(pl.String)
        ),
        street=pl.when(pl.col("has") > 0.4).then(pl.format("{} {} Street", "house", "street_name")),
        city=pl.when(pl.col("has") > 0.3).then(pl.format("Town {}", "town")),
        postal_code=pl.when(pl.col("has") > 0.3).then(
            (pl.col("town") * 7 + pl.col("house") % 7 + 10_000).cast(pl.String)
        ),
        state=none,
        company=pl.when(pl.col("has") < 0.3).then(pl.format("Firm {}", "firm")),
    )


def measure(path: str) -> dict[str, object]:
    """Match the contacts of a Parquet file in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    columns = columns_read(list(pl.read_parquet_schema(path)))
    found = find_matches(pl.read_parquet(path, columns=columns))
    spent = time.process_time() - cpu
    wall = time.perf_counter() - wall
    truth = pl.read_parquet(path, columns=["contact_key", "person"])
    said = (
        found.pairs.join(truth, left_on="left_key", right_on="contact_key")
        .join(truth, left_on="right_key", right_on="contact_key")
        .with_columns(right=pl.col("person") == pl.col("person_right"))
    )
    merged = said.filter(decision="merge")
    asked = said.filter(pl.col("decision") != "ignore")
    true = truth.height // SECONDS_SHARE
    return {
        "contacts": truth.height,
        "wall_s": round(wall, 1),
        "cpu_s": round(spent, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "pairs_sharing_a_block": found.compared,
        "pairs_read": found.read,
        "rows_in_big_blocks": {b.name: b.big_rows for b in found.blocks if b.big_rows},
        "biggest_block": max(b.biggest for b in found.blocks),
        "merges": merged.height,
        "merge_precision": round(merged["right"].mean() or 0.0, 4),
        "merge_recall": round(int(merged["right"].sum()) / true, 4),
        "recall_with_review": round(int(asked["right"].sum()) / true, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure), indent=1))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contacts_prepared.parquet"
        people(given.contacts, given.seed).write_parquet(path)
        subprocess.run([sys.executable, __file__, "--measure", str(path)], check=True)


if __name__ == "__main__":
    main()
