"""The proposal of a field map scored against the generator's true map.

    PYTHONPATH=. .venv/bin/python benchmarks/quality_mapping.py [--contacts 300] [--seeds 20]

For each seed a sample account is written and read, and an org is imagined that has a field for each
of its custom fields, among others. The fields are called by words that mean nothing, then so with
every short text field of one size, then by synonyms where the table has any. Prints the table of
docs/quality.md.
"""

from __future__ import annotations

import argparse
import sys
import time

from kartra_sf_pipeline_tests.mapping.renamed import Score, names_say_nothing, sample_account, score


def main() -> int:
    """Print the table; returns 1 where the promise of the docs does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--contacts", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    if not names_say_nothing():
        sys.stderr.write("a random word is in the synonym table\n")
        return 1
    started = time.process_time()
    none = Score(0, 0, 0, 0, 0, 0)
    totals = {"random words": none, "random words, texts alike": none, "synonyms": none}
    for seed in range(given.seeds):
        account = sample_account(given.contacts, seed)
        totals["random words"] += score(account, seed)
        totals["random words, texts alike"] += score(account, seed, sized=False)
        totals["synonyms"] += score(account, seed, named=True)
    print("| fields called by | columns | top-1 | above 0.8 | wrong above 0.8 | kept apart |")
    print("|---|---|---|---|---|---|")
    for name, total in totals.items():
        print(
            f"| {name} | {total.columns:,} | {total.top1:.3f} | {total.sure:,} | "
            f"{total.sure_and_wrong:,} | {total.kept:,} of {total.nowhere:,} |"
        )
    sys.stderr.write(f"{time.process_time() - started:.1f} CPU seconds\n")
    # Two short texts in fields of one size cannot be told apart by anything but their names.
    promised = [totals["random words"], totals["synonyms"]]
    kept = all(one.top1 >= 0.9 for one in promised)
    return 0 if kept and not any(one.sure_and_wrong for one in totals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
