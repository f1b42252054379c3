from __future__ import annotations

import re

import email_validator
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.emails import mailbox, prepare_emails

# The forecast's rule for a field of type Email.
EMAIL_OF_THE_ORG = re.compile(
    r"^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.([a-z]{2,}|xn--[a-z0-9-]+)$"
)


def judged(text: str | None) -> tuple[str | None, str, str | None]:
    row = prepare_emails(pl.Series([text], dtype=pl.String)).row(0, named=True)
    return row["email"], row["email_verdict"], row["email_suggestion"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jane.Doe@Acme.COM", ("jane.doe@acme.com", "valid", None)),
        ("  jane@acme.com ", ("jane@acme.com", "valid", None)),
        ("mailto:<Jane@acme.com>", ("jane@acme.com", "valid", None)),
        ("o'neil+list@acme.co.uk", ("o'neil+list@acme.co.uk", "valid", None)),
        ("jose@exämple.com", ("jose@xn--exmple-cua.com", "valid", None)),
        ("jane@почта.рф", ("jane@xn--80a1acny.xn--p1ai", "valid", None)),
        ("josé@acme.com", (None, "unsupported", None)),
        (f"{'x' * 60}@{'y' * 30}.com", (None, "unsupported", None)),
        ("jane@firm.c", (None, "invalid", None)),
        ("jane@firm.x1", (None, "invalid", None)),
        ("Jane Doe <jane@acme.com>", (None, "invalid", "jane@acme.com")),
        ("info@acme.com", ("info@acme.com", "role", None)),
        ("Sales+eu@acme.com", ("sales+eu@acme.com", "role", None)),
        ("", (None, "missing", None)),
        (None, (None, "missing", None)),
        ("N/A", (None, "missing", None)),
        ("jane", (None, "invalid", None)),
        ("jane@acme", (None, "invalid", None)),
        ("jane@@acme.com", (None, "invalid", None)),
        ("jane..doe@acme.com", (None, "invalid", None)),
        ("jane doe@acme.com", (None, "invalid", None)),
        (f"{'x' * 65}@acme.com", (None, "invalid", None)),
        ("jane@acme.invalid", (None, "invalid", None)),
    ],
)
def test_addresses_are_normalised_and_judged(
    text: str | None, expected: tuple[str | None, str, str | None]
) -> None:
    assert judged(text) == expected


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmali.com", "gmail.com"),
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmial.co", "gmail.com"),
        ("aol.con", "aol.com"),
        ("hotmial.com", "hotmail.com"),
        ("yaho.com", "yahoo.com"),
        ("outlok.com", "outlook.com"),
        ("acme.cmo", "acme.com"),
    ],
)
def test_slips_in_a_domain_are_noticed_and_the_address_is_kept(domain: str, meant: str) -> None:
    assert judged(f"jane@{domain}") == (f"jane@{domain}", "typo", f"jane@{meant}")


@pytest.mark.parametrize(
    "domain",
    ["gmail.com", "ymail.com", "mail.com", "gmx.com", "live.com", "hotmail.de", "yahoo.co.in",
     "outdoor.com", "acme.co", "five.com", "me.com", "postmail.com"],
)  # fmt: skip
def test_honest_neighbours_of_big_domains_are_no_typos(domain: str) -> None:
    assert judged(f"jane@{domain}")[1] == "valid"


def test_mailbox_ignores_tags_and_the_dots_of_gmail() -> None:
    frame = pl.DataFrame({"e": ["j.doe+x@gmail.com", "jdoe@googlemail.com", "j.doe+x@acme.com"]})
    assert frame.select(mailbox(pl.col("e"))).to_series().to_list() == [
        "jdoe@gmail.com",
        "jdoe@gmail.com",
        "j.doe@acme.com",
    ]


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet="abz09._+-'@! é", min_size=1, max_size=20),
    st.text(alphabet="abz09.-_é", min_size=1, max_size=20),
    st.sampled_from(["", ".com", ".co.uk", ".test", ".x1"]),
)
def test_the_verdict_is_the_librarys_whichever_path_gave_it(
    local: str, domain: str, suffix: str
) -> None:
    address = f"{local}@{domain}{suffix}".strip().strip(",;>").lower()
    address = " ".join(address.split())
    email, _, _ = judged(address)
    try:
        found = email_validator.validate_email(address, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        assert email is None
    else:
        expected = f"{found.local_part}@{found.ascii_domain}".lower()
        assert email == (expected if EMAIL_OF_THE_ORG.match(expected) else None)
