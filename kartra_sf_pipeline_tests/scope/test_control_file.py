from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.scope.control_file import (
    COUNTS,
    MONEY,
    TEMPLATE_NAME,
    ControlTotals,
    load_control_totals,
    template,
)

NAME = "control_totals.yaml"


def read(folder: Path, text: str) -> ControlTotals:
    (folder / NAME).write_text(text, encoding="utf-8")
    return load_control_totals(folder)


def test_every_figure_is_read_as_it_was_typed(tmp_path: Path) -> None:
    totals = read(
        tmp_path,
        "read_on: 2026-06-30\ntolerance_percent: 0.5\ncontacts: 2,500\ntransactions: '348917'\n"
        "tags: 12\nrevenue:\n  USD: 1,234,567.10\n  EUR: 0.3\nrefunds: {USD: 99}\nlists:\n",
    )
    assert totals == ControlTotals(
        counts={"contacts": 2500, "transactions": 348_917, "tags": 12},
        money={
            ("revenue", "USD"): Decimal("1234567.10"),
            ("revenue", "EUR"): Decimal("0.3"),
            ("refunds", "USD"): Decimal(99),
        },
        read_on=date(2026, 6, 30),
        tolerance_percent=Decimal("0.5"),
    )


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "contacts:\n", "revenue:\n"])
def test_a_file_without_figures_proves_nothing(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).empty


def test_without_the_file_there_are_no_figures(tmp_path: Path) -> None:
    assert load_control_totals(tmp_path).empty


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("contacts: 10\ncontcts: 12\n", 2, "contcts: no such key; there are read_on"),
        ("\ncontacts: about 10\n", 2, "contacts: 'about 10' is not a whole number"),
        ("contacts: 2.500\n", 1, "not a whole number"),
        ("contacts: -3\n", 1, "not a whole number"),
        ("contacts: 1\ntags: 2\ncontacts: 3\n", 3, "contacts: the key stands twice"),
        ("tags: 1\nrevenue: 100.00\n", 2, "needs its currency: `revenue: {USD: 100.00}`"),
        ("revenue:\n  dollars: 5\n", 2, "revenue.dollars: 'dollars' is not a currency code"),
        ("revenue:\n  USD: $5\n", 2, r"revenue.USD: '\$5' is not an amount"),
        ("revenue:\n  USD: 1.234,56\n", 2, "revenue.USD"),
        ("read_on: 30/06/2026\n", 1, "read_on: '30/06/2026' is not a date"),
        ("tolerance_percent: 100\n", 1, "tolerance_percent"),
        ("contacts: [1, 2]\n", 1, "contacts: one figure is expected"),
        ("- contacts\n", 1, "lines of the form"),
        ("contacts: 1\n\ttags: 2\n", 2, "not YAML"),
        ("revenue: {USD: 1, USD: 2}\n", 1, "revenue|USD: the key stands twice"),
    ],
)
def test_a_mistake_is_told_with_file_line_key_and_what_to_do(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(ExportError, match=words) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert f"{tmp_path / NAME}, line {line}: " in said
    assert "Correct the file" in said


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"contacts: \xff\xfe\x00")
    with pytest.raises(ExportError, match="not YAML"):
        load_control_totals(tmp_path)


@pytest.mark.parametrize("name", [TEMPLATE_NAME, "control_totals.yml"])
def test_a_file_under_another_name_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("contacts: 3\n", encoding="utf-8")
    with pytest.raises(ExportError, match=rf"{name}: .* Rename it to {NAME}"):
        load_control_totals(tmp_path)


def test_the_template_reads_as_no_figures_and_shows_every_key(tmp_path: Path) -> None:
    text = template(["EUR", "USD"])
    assert read(tmp_path, text).empty
    for key in (*COUNTS, *MONEY, "read_on", "tolerance_percent"):
        assert f"# {key}:" in text
    filled = text.replace("# contacts: ", "contacts: 7").replace("# revenue:", "revenue:")
    filled = filled.replace("#   EUR: ", "  EUR: 1.50", 1)
    totals = read(tmp_path, filled)
    assert totals.counts == {"contacts": 7}
    assert totals.money == {("revenue", "EUR"): Decimal("1.50")}


def test_the_reader_of_exports_leaves_the_file_alone(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("contacts: 1\n", encoding="utf-8")
    (tmp_path / "contacts.csv").write_text("id,email\n1,a@acme.com\n", encoding="utf-8")
    found = read_folder(tmp_path)
    assert [report.path for report in found.files] == ["contacts.csv"]
    assert not [note for note in found.notes if NAME in note]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_content_is_read_or_refused_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / NAME).write_bytes(content)
    said = NAME
    try:
        load_control_totals(folder)
    except ExportError as error:
        said = str(error)
    assert NAME in said
