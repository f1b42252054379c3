"""What a spreadsheet has spoilt is found, counted and said; nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.kartra.model import ExportSet
from kartra_sf_pipeline.kartra.reader import read_folder

CONTACTS = "id,email,phone,phone_country_code,zip,country,date_joined,x_ref"


def contacts(folder: Path, *rows: str, header: str = CONTACTS) -> ExportSet:
    (folder / "contacts.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_folder(folder)


def found(read: ExportSet) -> dict[tuple[str | None, str], int]:
    return {(row["column"], row["kind"]): row["rows"] for row in read.damage.iter_rows(named=True)}


def test_a_row_whose_id_lost_its_digits_is_set_aside_with_its_text(tmp_path: Path) -> None:
    read = contacts(
        tmp_path,
        "41000001,a@b.co,,,,,,",
        '4.1E+07,c@d.co,,,"12,3",,,',
        "41000003.0,e@f.co,,,,,,",
        '"41,000,004",g@h.co,,,,,,',
    )
    assert read.frames["contacts"]["id"].to_list() == ["41000001"]
    assert read.quarantine.select("source_line", "reason", "raw").rows() == [
        (3, "damaged_id", '4.1E+07,c@d.co,,,"12,3",,,'),
        (4, "damaged_id", "41000003.0,e@f.co,,,,,,"),
        (5, "damaged_id", '"41,000,004",g@h.co,,,,,,'),
    ]
    report = read.files[0]
    assert (report.rows, report.quarantined) == (1, 3)
    assert found(read) == {("id", "scientific_number"): 1, ("id", "decimal_number"): 2}


def test_a_damaged_phone_is_kept_as_it_stands_and_reported(tmp_path: Path) -> None:
    read = contacts(tmp_path, "1,a@b.co,4.47E+11,,,,,", "2,c@d.co,020 7946 0000,,,,,")
    assert read.frames["contacts"]["phone"].to_list() == ["4.47E+11", "020 7946 0000"]
    finding = read.damage.row(0, named=True)
    assert (finding["column"], finding["kind"], finding["rows"]) == (
        "phone",
        "scientific_number",
        1,
    )
    assert finding["example"] == "9.99E+99"
    assert "do not open it in a spreadsheet" in finding["what_to_do"]
    assert any("scientific number in phone" in note for note in read.files[0].notes)


def test_lost_zeros_are_told_by_the_country_of_a_postal_code(tmp_path: Path) -> None:
    read = contacts(
        tmp_path,
        "1,a@b.co,,,2139,United States,,",
        "2,c@d.co,,,02139,United States,,",
        "3,e@f.co,,,2139,Australia,,",
        "4,g@h.co,,,8001,Switzerland,,",
        "5,i@j.co,,,1067,Germany,,",
    )
    assert found(read) == {("zip", "lost_zero"): 2}
    assert read.frames["contacts"]["zip"].to_list()[0] == "2139"


def test_lost_zeros_are_told_by_the_habit_of_phones_and_custom_fields(tmp_path: Path) -> None:
    rows = [f"{n},p{n}@b.co,07700{900000 + n},+44,,,,{n:06}" for n in range(1, 41)]
    rows += [f"{n},p{n}@b.co,7700{900000 + n},+44,,,,{n}" for n in range(41, 44)]
    read = contacts(tmp_path, *rows)
    assert found(read) == {("phone", "lost_zero"): 3, ("x__x_ref", "lost_zero"): 3}


def test_numbers_of_any_length_without_a_habit_are_left_alone(tmp_path: Path) -> None:
    rows = [f"{n},p{n}@b.co,{77009000 + 7919 * n * n},+44,,,,{n * n}" for n in range(1, 80)]
    assert found(contacts(tmp_path, *rows)) == {}


@pytest.mark.parametrize(
    ("date", "kind"),
    [
        ("03/04/2026", "slash_date"),
        ("2026/03/04 10:00", "slash_date"),
        ("03.04.2026", "dotted_date"),
        ("46115", "serial_date"),
        ("46115.43", "serial_date"),
        ("2026-04-03 10:00:00", None),
        ("03 Apr 2026", None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_respelled_dates_are_reported_and_kept(tmp_path: Path, date: str, kind: str | None) -> None:
    read = contacts(tmp_path, f"1,a@b.co,,,,,{date},")
    assert read.frames["contacts"]["date_joined"].to_list() == [date]
    assert found(read) == ({("date_joined", kind): 1} if kind else {})


def test_a_file_saved_again_with_semicolons_tells_its_decimal_commas(tmp_path: Path) -> None:
    (tmp_path / "transactions.csv").write_text(
        "ID;Transaction_Type;Date;Buyer_Email;Amount (USD);Base_Price (USD)\n"
        "1;Sale;03.04.2026 10:00;a@b.co;12,50;1.012,50\n"
        "2;Sale;2026-04-03 10:00:00;a@b.co;13.00;14.00\n",
        encoding="utf-8",
    )
    read = read_folder(tmp_path)
    assert found(read) == {
        ("date", "dotted_date"): 1,
        ("amount", "decimal_comma"): 1,
        ("base_price", "decimal_comma"): 1,
    }
    assert read.frames["transactions"]["amount"].to_list() == ["12,50", "13.00"]


def test_a_subscription_id_that_lost_its_digits_sets_its_payment_aside(tmp_path: Path) -> None:
    (tmp_path / "transactions.csv").write_text(
        "ID,Transaction_Type,Date,Buyer_Email,Amount (USD),subscription_id,lead_id\n"
        "1,Rebill,2026-04-03 10:00:00,a@b.co,12.00,3.1E+06,7\n"
        '2,Rebill,2026-04-03 10:00:00,a@b.co,"1,200.00",N/A,4.1E+07\n',
        encoding="utf-8",
    )
    read = read_folder(tmp_path)
    assert read.quarantine.select("source_line", "reason").rows() == [(2, "damaged_id")]
    assert read.frames["transactions"]["transaction_id"].to_list() == ["2"]
    assert found(read)["lead_id", "scientific_number"] == 1


def test_text_taken_for_a_formula_and_text_cut_at_the_cell_s_limit_are_told(
    tmp_path: Path,
) -> None:
    header = "id,email,first_name,notes"
    read = contacts(
        tmp_path, f"1,a@b.co,#NAME?,{'n' * 32_767}", "2,c@d.co,#1 Fan,note", header=header
    )
    assert found(read) == {("first_name", "formula_error"): 1, ("notes", "cut_text"): 1}


def test_long_numbers_that_all_end_in_zeros_are_rounded_ones(tmp_path: Path) -> None:
    header = "ID,Transaction_Type,Date,Buyer_Email,Amount (USD),Processor_transaction_id"
    rows = [f"{n},Sale,2026-04-03 10:00:00,a@b.co,1.00,{10**15 + n}00" for n in range(30)]
    rows += [f"{n},Sale,2026-04-03 10:00:00,a@b.co,1.00,{10**16 + 37 * n}" for n in range(30, 99)]
    (tmp_path / "transactions.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    assert found(read_folder(tmp_path)) == {}
    rows = [f"{n},Sale,2026-04-03 10:00:00,a@b.co,1.00,{10**14 + n}000" for n in range(30)]
    (tmp_path / "transactions.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    assert found(read_folder(tmp_path)) == {("processor_transaction_id", "rounded_number"): 30}


def test_the_example_tells_no_one_s_data(tmp_path: Path) -> None:
    read = contacts(tmp_path, "1,a@b.co,,,,,3/4/2026 by Ann,")
    assert read.damage["example"].to_list() == ["9/9/9999 xx xxx"]


def test_sound_exports_have_no_damage(tmp_path: Path) -> None:
    rows = [
        f"{n},p{n}@b.co,+1 202 555 0{n:03},+1,9021{n % 10},United States,2026-04-03 10:00:00,"
        for n in range(99)
    ]
    read = contacts(tmp_path, *rows)
    assert read.damage.is_empty()
    assert read.frames["contacts"].select(pl.len()).item() == 99
