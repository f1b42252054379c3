from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.scope.source_identity import SCHEMA, source_identity
from kartra_sf_pipeline_tests.prepare.commerce_frames import raw


def contacts(numbers: range, file: str = "contacts.csv", domain: str = "acme.com") -> pl.DataFrame:
    return raw(
        "contacts",
        *({"id": str(n), "email": f"P{n}@{domain}"} for n in numbers),
        file=file,
    )


def sales(
    numbers: range, file: str = "sales.csv", *, seller: str | None = "us", ids: bool = True
) -> pl.DataFrame:
    return raw(
        "transactions",
        *(
            {
                "lead_id": str(n) if ids else "N/A",
                "buyer_email": f"p{n}@acme.com",
                "seller_username": seller,
            }
            for n in numbers
        ),
        file=file,
    )


def identity(**frames: pl.DataFrame) -> pl.DataFrame:
    frame = source_identity({name: part.lazy() for name, part in frames.items()})
    assert frame.schema == SCHEMA
    return frame


def verdicts(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.select("file", "verdict").iter_rows())


def test_buyers_who_are_contacts_are_of_the_account() -> None:
    frame = identity(contacts=contacts(range(100)), transactions=sales(range(50, 130)))
    row = frame.row(0, named=True)
    assert (row["people"], row["known"], row["verdict"]) == (80, 50, "same_account")


def test_people_are_met_by_address_where_there_is_no_id() -> None:
    frame = identity(contacts=contacts(range(30)), transactions=sales(range(30), ids=False))
    assert frame["known"].to_list() == [30]


def test_a_file_whose_people_are_hardly_known_is_disjoint_with_its_figures() -> None:
    frame = identity(
        contacts=contacts(range(100)),
        transactions=sales(range(95, 195)),
        notes=raw("notes", *({"contact_id": str(n)} for n in range(40)), file="notes.csv"),
    )
    assert verdicts(frame) == {"sales.csv": "disjoint", "notes.csv": "same_account"}
    assert "5 of 100 people are among the contacts (5%)" in frame["finding"][0]


def test_two_whole_accounts_in_one_folder_are_told_by_their_sellers() -> None:
    both = pl.concat([contacts(range(100), "a.csv"), contacts(range(500, 560), "b.csv")])
    money = pl.concat([sales(range(80), "sa.csv"), sales(range(500, 550), "sb.csv", seller="they")])
    frame = identity(contacts=both, transactions=money)
    assert verdicts(frame) == {"sa.csv": "same_account", "sb.csv": "other_account"}
    assert frame["group"].n_unique() == 2


def test_slices_of_one_account_that_share_nobody_are_no_other_account() -> None:
    both = pl.concat([contacts(range(100), "2024.csv"), contacts(range(500, 560), "2025.csv")])
    for seller in ("us", None):
        money = pl.concat(
            [
                sales(range(80), "s4.csv", seller=seller),
                sales(range(500, 550), "s5.csv", seller=seller),
            ]
        )
        frame = identity(contacts=both, transactions=money)
        assert set(frame["verdict"]) == {"same_account"}


def test_files_that_one_file_ties_together_are_one_group() -> None:
    both = pl.concat([contacts(range(100), "a.csv"), contacts(range(500, 560), "b.csv")])
    money = pl.concat([sales(range(80), "sa.csv"), sales(range(500, 550), "sb.csv", seller="they")])
    notes = raw(
        "notes", *({"contact_id": str(n)} for n in (*range(40), *range(500, 540))), file="n.csv"
    )
    frame = identity(contacts=both, transactions=money, notes=notes)
    assert set(frame["group"]) == {1}
    assert set(frame["verdict"]) == {"same_account"}


def test_a_handful_of_people_proves_nothing() -> None:
    frame = identity(contacts=contacts(range(100)), transactions=sales(range(200, 205)))
    assert verdicts(frame) == {"sales.csv": "too_few"}


def test_without_contacts_there_is_nothing_to_compare_with() -> None:
    frame = identity(contacts=contacts(range(0)), transactions=sales(range(50)))
    assert verdicts(frame) == {"sales.csv": "no_contacts"}
    assert identity(contacts=contacts(range(5))).is_empty()
