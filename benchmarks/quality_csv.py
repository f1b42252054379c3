"""The reader on public CSV truth: the npm package csv-spectrum, fetched into a temporary folder.

    python benchmarks/quality_csv.py

Each of its tables comes with the records that it holds. A table is read right, or refused or set
aside with a reason; a record that differs from the truth without a word is silently wrong.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra import encoding
from kartra_sf_pipeline.kartra.head import read_head
from kartra_sf_pipeline.kartra.rows import read_rows

PACKAGE = "csv-spectrum"


def fetched(folder: Path) -> Path:
    """The package, unpacked."""
    subprocess.run(
        ["npm", "pack", PACKAGE, "--pack-destination", folder],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def judged(path: Path, truth: list[dict[str, str]]) -> tuple[str, str]:
    """What became of a table: `right`, `refused`, `set aside` or `SILENTLY WRONG`, and why."""
    content = path.read_bytes()
    try:
        found = encoding.detect(content, path.name)
        with encoding.as_utf8(content, found, path.name) as (text, start):
            head = read_head(text, start, path.name, None)
            rows, aside = read_rows(text, head, tuple(head.headers))
    except ExportError as error:
        return "refused", str(error)
    # An empty cell is null in a frame.
    expected = [{name: value or None for name, value in record.items()} for record in truth]
    if rows.drop("source_line").to_dicts() == expected and not aside.height:
        return "right", f"{rows.height} records, {len(head.headers)} columns"
    if rows.height + aside.height == len(expected) and aside.height:
        return "set aside", ", ".join(aside["reason"].unique())
    return "SILENTLY WRONG", f"{rows.drop('source_line').to_dicts()} for {expected}"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        package = fetched(Path(scratch))
        verdicts: list[str] = []
        for path in sorted((package / "csvs").glob("*.csv")):
            truth = json.loads((package / "json" / f"{path.stem}.json").read_text("utf-8"))
            verdict, why = judged(path, truth if isinstance(truth, list) else [truth])
            verdicts.append(verdict)
            print(f"| {path.name} | {verdict} | {why} |")
    right = verdicts.count("right")
    print(f"{right} of {len(verdicts)} right, {verdicts.count('SILENTLY WRONG')} silently wrong")
    sys.exit("SILENTLY WRONG" in verdicts)


if __name__ == "__main__":
    main()
