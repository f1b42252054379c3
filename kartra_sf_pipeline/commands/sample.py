"""kartra-sf sample: write a believable Kartra account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kartra_sf_pipeline.commands.context import Json, console, print_json


def sample(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the exports to.")],
    contacts: Annotated[int, typer.Option("--contacts", min=1, help="How many contacts.")] = 2_500,
    seed: Annotated[
        int, typer.Option("--seed", help="Same seed, same account, byte for byte.")
    ] = 7,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="Also write who is whose duplicate, for benchmarks."),
    ] = None,
    with_extras: Annotated[
        bool,
        typer.Option(
            "--with-extras",
            help="Also activities, attachments, teams and territories, as people assemble them.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a messy, believable Kartra account of any size.

    Example: kartra-sf sample --contacts 10000 --seed 3 --out /tmp/account
    """
    from kartra_sf_pipeline.sample.account import write_account
    from kartra_sf_pipeline.sample.extras import write_extras

    written = write_account(out, contacts=contacts, seed=seed, truth=truth)
    if with_extras:
        written |= write_extras(out, seed)
    if as_json:
        print_json({"out": str(out), "files": written})
    else:
        for name, rows in written.items():
            console.print(f"{rows:>10,}  {name}", highlight=False)
