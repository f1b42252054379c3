"""Every verb explains itself with an example, and knows what it was not told."""

from __future__ import annotations

import re

import pytest
import typer
from typer.main import get_command

from kartra_sf_pipeline.cli import app
from kartra_sf_pipeline_tests.end_to_end.command_line import kartra_sf


def verbs() -> list[tuple[str, ...]]:
    """Each verb of the command line, with its group's name before it."""
    found: list[tuple[str, ...]] = []
    command = get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    for name, verb in command.commands.items():
        inner = getattr(verb, "commands", None)
        found += [(name, sub) for sub in inner] if inner else [(name,)]
    return found


def test_the_verbs_of_the_first_cut_are_there() -> None:
    expected = {"sample", "scope", "rehearse", "status", "rollback", "ui"}
    expected |= {f"org {verb}" for verb in ("start", "stop", "status", "reset")}
    assert expected <= {" ".join(verb) for verb in verbs()}


@pytest.mark.parametrize("verb", verbs(), ids=" ".join)
def test_help_has_an_example_that_starts_with_the_verb(verb: tuple[str, ...]) -> None:
    ended = kartra_sf(*verb, "--help", env={"COLUMNS": "200"})
    assert ended.code == 0
    assert f"Example: kartra-sf {' '.join(verb)}" in ended.said


# One opens a web page, one prints nothing but JSON.
NO_JSON = {("ui",), ("map", "schema")}
# What they print depends on no home.
NO_HOME = {("sample",), ("map", "schema")}


@pytest.mark.parametrize("verb", [v for v in verbs() if v not in NO_JSON], ids=" ".join)
def test_every_verb_can_answer_machines(verb: tuple[str, ...]) -> None:
    assert "--json" in kartra_sf(*verb, "--help", env={"COLUMNS": "200"}).said


@pytest.mark.parametrize("verb", [v for v in verbs() if v not in NO_HOME], ids=" ".join)
def test_every_verb_takes_a_home(verb: tuple[str, ...]) -> None:
    assert "--home" in kartra_sf(*verb, "--help", env={"COLUMNS": "200"}).said


@pytest.mark.parametrize(
    "words",
    [("fly",), ("rehearse", "--colour", "red"), ("sample",), ("sample", "--contacts", "0")],
    ids=" ".join,
)
def test_words_that_mean_nothing_end_with_2(words: tuple[str, ...]) -> None:
    ended = kartra_sf(*words)
    assert ended.code == 2
    assert "Traceback" not in ended.said


def test_the_version_is_printed_without_a_verb() -> None:
    ended = kartra_sf("--version")
    assert ended.code == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", ended.out)
