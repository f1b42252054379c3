from __future__ import annotations

import nameparser
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare import surnames
from kartra_sf_pipeline.prepare.name_division import PARTICLES
from kartra_sf_pipeline.prepare.names import prepare_names
from kartra_sf_pipeline.prepare.text import fold_text

CELLS = (
    "first_name",
    "middle_name",
    "last_name",
    "last_name2",
    "company",
    "email_raw",
    "kartra_id",
    "country_iso2",
)


def cells(*rows: dict[str, str | None]) -> pl.DataFrame:
    usual: dict[str, str | None] = {"email_raw": "jd@acme.com", "kartra_id": "7"}
    return pl.DataFrame([usual | row for row in rows], schema=dict.fromkeys(CELLS, pl.String))


def name(
    first: str | None = None, last: str | None = None, **more: str | None
) -> dict[str, object]:
    rows = cells({"first_name": first, "last_name": last} | more)
    return prepare_names(rows).row(0, named=True)


def parts(found: dict[str, object]) -> tuple[object, ...]:
    return tuple(found[c] for c in ("first_name", "middle_name", "last_name", "name_verdict"))


@pytest.mark.parametrize(
    ("whole", "first", "middle", "last"),
    [
        ("Jane Doe", "Jane", None, "Doe"),
        ("Anna Maria Schmidt", "Anna", "Maria", "Schmidt"),
        ("Jane Q. Public", "Jane", "Q.", "Public"),
        ("Doe, Jane", "Jane", None, "Doe"),
        ("García Márquez, Gabriel", "Gabriel", None, "García Márquez"),
        ("José da Silva", "José", None, "da Silva"),
        ("Ludwig van Beethoven", "Ludwig", None, "van Beethoven"),
        ("Mary-Jane O'Neil", "Mary-Jane", None, "O'Neil"),
        ("J. K. Rowling", "J.", "K.", "Rowling"),
        ("李小龍", "小龍", None, "李"),
        ("高橋 一郎", "一郎", None, "高橋"),
        ("김민준", "민준", None, "김"),
        ("Иван Петров", "Иван", None, "Петров"),
        ("Иванов Иван Петрович", "Иван", "Петрович", "Иванов"),
        ("محمد بن سلمان", "محمد", None, "بن سلمان"),
        ("  Jane\u00a0  Doe 🌸", "Jane", None, "Doe"),
    ],
)
def test_a_whole_name_in_the_first_cell_is_split(
    whole: str, first: str, middle: str | None, last: str
) -> None:
    assert parts(name(whole)) == (first, middle, last, "split")
    assert parts(name(whole, "")) == (first, middle, last, "split")


@pytest.mark.parametrize(
    ("whole", "country", "first", "last"),
    [
        # Two surnames: by the words themselves, or by the country.
        ("Pablo Ruiz Picasso", None, "Pablo", "Ruiz Picasso"),
        ("María José García López", None, "María José", "García López"),
        ("Juan de la Cruz Pérez", "MX", "Juan", "de la Cruz Pérez"),
        ("Rafael Nadal Parera", "ES", "Rafael", "Nadal Parera"),
        ("José Ortega y Gasset", None, "José", "Ortega y Gasset"),
        ("María José García", None, "María", "García"),
        ("Anna Maria Schmidt", "DE", "Anna", "Schmidt"),
        ("John Martin Smith", "US", "John", "Smith"),
        ("Samuel Eddie Vargas", None, "Samuel", "Vargas"),
        # The surname in capitals, as French forms want it.
        ("MARTIN Jean-Pierre", "FR", "Jean-Pierre", "MARTIN"),
        ("Jean-Pierre MARTIN", "FR", "Jean-Pierre", "MARTIN"),
        ("TJ Smith", None, "TJ", "Smith"),
        ("JOHN SMITH", None, "JOHN", "SMITH"),
        # The surname first.
        ("Nguyễn Văn An", None, "An", "Nguyễn"),
        ("Nguyen Thi Mai Lan", "VN", "Lan", "Nguyen"),
        ("Lan Nguyen", "US", "Lan", "Nguyen"),
        ("Park Ji-sung", None, "Ji-sung", "Park"),
        ("Kim Jong Un", "KR", "Jong Un", "Kim"),
        ("Kim Anderson", None, "Kim", "Anderson"),
        ("Yao Ming", "CN", "Ming", "Yao"),
        ("Yan Machado", "BR", "Yan", "Machado"),
        # Scripts without a space.
        ("山田太郎", None, "太郎", "山田"),
        ("鈴木さくら", None, "さくら", "鈴木"),
        ("田中", None, None, "田中"),
        ("長谷川 博", "JP", "博", "長谷川"),
        ("司马相如", None, "相如", "司马"),
        ("玉建华", "CN", "建华", "玉"),
        # Particles and generations that begin or end a surname.
        ("Mohamed El Baradei", None, "Mohamed", "El Baradei"),
        ("Siobhán Ní Dhomhnaill", None, "Siobhán", "Ní Dhomhnaill"),
        ("Jean-Claude Van Damme", None, "Jean-Claude", "Van Damme"),
        ("John Smith VI", None, "John", "Smith"),
        ("Smith，John", None, "John", "Smith"),
    ],
)
def test_culture_and_country_say_where_the_surname_is(
    whole: str, country: str | None, first: str | None, last: str
) -> None:
    found = name(whole, country_iso2=country)
    assert (found["first_name"], found["last_name"]) == (first, last)


def test_a_romanised_order_that_is_guessed_is_for_review() -> None:
    assert name("Wang Xiaoming")["name_review"] is True
    assert name("Wang Xiaoming", country_iso2="CN")["name_review"] is False
    assert name("Juan Martín Gómez", country_iso2="AR")["name_review"] is True


def test_titles_and_suffixes_have_their_own_fields() -> None:
    split = name("Dr. Martin Luther King Jr.")
    assert (split["salutation"], split["last_name"], split["suffix"]) == ("Dr.", "King", "Jr.")
    given = name("Dr. Ann", "Lee PhD")
    assert parts(given) == ("Ann", None, "Lee", "given")
    assert (given["salutation"], given["suffix"]) == ("Dr.", "PhD")


def test_filled_cells_stay_as_they_are() -> None:
    assert parts(name("Na", "Li")) == ("Na", None, "Li", "given")
    assert parts(name("jane ann", "DOE", middle_name="X")) == ("jane ann", "X", "DOE", "given")
    assert parts(name(None, "van der Berg")) == (None, None, "van der Berg", "given")
    assert name("Jane", "Doe")["name_review"] is False


def test_second_surname_follows_the_first_one_once() -> None:
    assert name("Gabriel", "García", last_name2="Márquez")["last_name"] == "García Márquez"
    assert name("Gabriel", "García Márquez", last_name2="Márquez")["last_name"] == "García Márquez"
    assert name("Gabriel", None, last_name2="Márquez")["last_name"] == "Márquez"


def test_whole_name_in_first_and_its_end_in_last() -> None:
    assert parts(name("John Smith", "Smith")) == ("John", None, "Smith", "given")


@pytest.mark.parametrize("first", [None, "", "Madonna", "12345", "jd@acme.com", "N/A", "-"])
def test_a_name_without_a_last_one_gets_the_local_part_and_a_review(first: str | None) -> None:
    found = name(first)
    assert found["last_name"] == "jd"
    assert found["name_verdict"] == "placeholder"
    assert found["name_review"] is True
    assert found["first_name"] == ("Madonna" if first == "Madonna" else None)


def test_last_name_is_never_null() -> None:
    assert name(email_raw=None)["last_name"] == "Contact 7"
    assert name(email_raw=None, company="Acme")["last_name"] == "Acme"
    assert name(email_raw=None, kartra_id=None)["last_name"] == "Unknown"


@pytest.mark.parametrize(
    ("first", "last", "company"),
    [
        ("Acme Widgets LLC", None, None),
        (None, "Acme Widgets, Inc.", None),
        ("Acme", "LLC", None),
        ("Bright Smile Dental", None, None),
        ("Opalspark Media", None, "Opalspark Media"),
        ("Opalspark", "Media", "OPALSPARK MEDIA"),
        ("Müller & Sons", None, None),
        ("Siemens AG", None, None),
        ("The Healing Garden", None, None),
        ("University of Somewhere", None, None),
        ("Bright", "Solutions", None),
        ("Lotusbay Yoga", None, None),
    ],
)
def test_companies_in_a_name_field_are_recognised(
    first: str | None, last: str | None, company: str | None
) -> None:
    found = name(first, last, company=company)
    assert found["name_verdict"] == "company"
    assert (found["first_name"], found["last_name"], found["name_review"]) == (None, "jd", True)
    assert found["name_company"] is not None


def test_a_company_beside_another_company_is_not_lost() -> None:
    found = name("Acme Widgets LLC", company="Parent Corp")
    assert (found["last_name"], found["name_company"]) == ("Acme Widgets LLC", None)


def test_company_in_the_last_name_leaves_the_first_name() -> None:
    found = name("Angela", "Beacon Consulting", company="Beacon Consulting")
    assert parts(found) == ("Angela", None, "jd", "company")


def test_a_trade_that_is_also_a_surname_needs_the_domain() -> None:
    assert name("Rowanrock Law")["name_verdict"] == "split"
    assert name("Rowanrock Law", email_raw="x@rowanrocklaw.com")["name_verdict"] == "company"


def test_a_company_in_the_last_name_needs_no_company_cell() -> None:
    found = name("Katie", "Silvercliff Software")
    assert (found["first_name"], found["name_company"]) == ("Katie", "Silvercliff Software")
    other = name("Katie", "Silvercliff Software", company="Parent Corp")
    assert (other["last_name"], other["name_company"]) == ("Silvercliff Software", None)


@pytest.mark.parametrize(
    ("first", "last", "company"),
    [
        ("The Rt Hon John Jones", None, None),
        ("Sam Church", None, None),
        ("Bob", "Co", None),
        ("John Smith", None, "John Smith"),
        ("Jude", "Law", "Smith Law LLC"),
        ("Ann", "Banks", None),
        ("Kim", "Ag", None),
    ],
)
def test_people_with_such_names_are_people(
    first: str, last: str | None, company: str | None
) -> None:
    assert name(first, last, company=company)["name_verdict"] != "company"


@pytest.mark.parametrize("first", ["John & Mary Smith", "Test Test", "John S.", "李小龍"])
def test_unsure_splits_ask_for_a_look(first: str) -> None:
    assert name(first)["name_review"] is True


# Where these stand, culture may say something else than the library.
OF_A_CULTURE = (
    PARTICLES
    | surnames.IBERIAN_SURNAMES
    | surnames.VIETNAMESE_SURNAMES
    | surnames.KOREAN_SURNAMES
    | surnames.CHINESE_SURNAMES
)
WORDS = st.text(alphabet="abcdefghilmnorstuyéöñ'-", min_size=2, max_size=9).filter(
    lambda w: w[0].isalpha() and w[-1].isalpha() and fold_text(w) not in OF_A_CULTURE
)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=2, max_size=3), min_size=20, max_size=60))
def test_plain_names_split_as_the_library_splits_them(names: list[list[str]]) -> None:
    # Many at once: a frame costs as much for one name as for a thousand.
    wholes = [" ".join(token.capitalize() for token in tokens) for tokens in names]
    found = prepare_names(cells(*({"first_name": whole} for whole in wholes)))
    for whole, row in zip(wholes, found.iter_rows(named=True), strict=True):
        expected = nameparser.parse(whole)
        if row["name_verdict"] == "split":
            assert row["first_name"] == (expected.given or None)
            assert row["middle_name"] == (expected.middle or None)
            assert row["last_name"] == expected.family
