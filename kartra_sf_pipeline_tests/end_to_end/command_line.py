"""`kartra-sf` as people run it: in this process for speed, or as a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kartra_sf_pipeline.cli import main

PROGRAM = Path(sys.executable).with_name("kartra-sf")
_OURS = ("KARTRA_SF_", "SALESFORCE_", "DAGSTER_")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output; a second one, or any other text, is an error."""
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """All that a person would have seen, on one line whatever the terminal's width."""
        return re.sub(r"\s+", " ", f"{self.out} {self.err}")


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with no setting of ours but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, **given}


def kartra_sf(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run the command line in this process: its real entry point, its real exit code."""
    out, err = io.StringIO(), io.StringIO()
    with settings_in_force(env or {}), contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        stack.enter_context(argv("kartra-sf", *(str(argument) for argument in arguments)))
        try:
            main()
            code = 0
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return Ended(code, out.getvalue(), err.getvalue())


def kartra_sf_process(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run the installed program and wait for it."""
    done = subprocess.run(
        [str(PROGRAM), *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        env=environment(env or {}),
        timeout=280,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def settings_in_force(given: Mapping[str, str]) -> Iterator[None]:
    """The environment as `environment` makes it, and as it was afterwards."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment(given))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def argv(*words: str) -> Iterator[None]:
    """Other command-line words for a while."""
    before = sys.argv
    sys.argv = list(words)
    try:
        yield
    finally:
        sys.argv = before
