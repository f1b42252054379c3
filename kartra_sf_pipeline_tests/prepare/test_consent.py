from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.consent import (
    Polarity,
    communications,
    consent_reason,
    gdpr_status,
    mailable,
    mailing_status,
)


def one(expr: pl.Expr, value: str | None) -> str | None:
    return pl.DataFrame({"x": [value]}, schema={"x": pl.String}).select(expr).item()


@pytest.mark.parametrize(
    ("label", "canonical"),
    [
        ("0", "off"), ("GDPR off", "off"), ("1", "not_subject"), ("Not_subject", "not_subject"),
        ("2", "accepted"), ("Accepted", "accepted"), ("YES", "accepted"), ("3", "refused"),
        ("Not accepted", "refused"), ("Declined", "refused"), ("4", "unknown"), ("5", "pending"),
        ("Pending", "pending"), ("", None), ("N/A", None), ("whatever", "unknown"),
        ("9", "unknown"),
    ],
)  # fmt: skip
def test_codes_and_words_of_terms(label: str, canonical: str | None) -> None:
    assert one(gdpr_status(pl.col("x")), label) == canonical


@pytest.mark.parametrize(
    ("flag", "polarity", "expected"),
    [
        ("Yes", None, "yes"), ("no", None, "no"), ("1", None, "review"), ("0", None, "review"),
        ("1", "one_is_yes", "yes"), ("0", "one_is_yes", "no"), ("1", "zero_is_yes", "no"),
        ("0", "zero_is_yes", "yes"), ("maybe", "one_is_yes", "review"), (None, None, None),
    ],
)  # fmt: skip
def test_a_bare_digit_needs_a_polarity(
    flag: str | None, polarity: Polarity | None, expected: str | None
) -> None:
    assert one(communications(pl.col("x"), polarity), flag) == expected


def test_mailing_labels_old_and_new() -> None:
    labels = ["Active", "Subscribed", "Not subscribed", "Blacklisted", "Spam complaint",
              "Multiple soft bounces", "Declined commercial messages (GDPR)", "Gone fishing",
              None]  # fmt: skip
    frame = pl.DataFrame({"x": labels})
    assert frame.select(mailing_status(pl.col("x"))).to_series().to_list() == [
        "subscribed", "subscribed", "unsubscribed", "blocklisted", "spam_complaint",
        "multiple_soft_bounces", "declined_commercial_messages", "gone_fishing", None,
    ]  # fmt: skip


GDPR = [None, "off", "not_subject", "accepted", "refused", "unknown", "pending"]
FLAGS = [None, "yes", "no", "review"]
STATUS = [None, "subscribed", "unsubscribed", "spam_complaint", "gone_fishing"]


def every_combination() -> pl.DataFrame:
    frame = (
        pl.DataFrame({"gdpr_status": GDPR})
        .join(pl.DataFrame({"communications": FLAGS}), how="cross")
        .join(pl.DataFrame({"mailing_status": STATUS}), how="cross")
        .join(pl.DataFrame({"email": ["a@b.com", None]}), how="cross")
        .join(pl.DataFrame({"blocklisted": [True, False]}), how="cross")
        .join(pl.DataFrame({"deleted": [True, False]}), how="cross")
    )
    return frame.with_columns(consent_reason().alias("reason")).with_columns(
        mailable(pl.col("reason")).alias("mailable")
    )


def test_every_combination_has_a_reason_and_a_verdict() -> None:
    frame = every_combination()
    assert frame["reason"].null_count() == 0
    assert frame["mailable"].null_count() == 0


def test_refused_pending_unknown_or_absent_consent_is_never_mailable() -> None:
    frame = every_combination()
    closed = pl.col("gdpr_status").is_null() | pl.col("gdpr_status").is_in(
        ["refused", "pending", "unknown"]
    )
    unsubscribed = (pl.col("mailing_status") != "subscribed").fill_null(False)
    refused = pl.col("communications").is_in(["no", "review"]).fill_null(False)
    barred = pl.col("email").is_null() | pl.col("blocklisted") | pl.col("deleted")
    assert not frame.filter(closed | unsubscribed | refused | barred)["mailable"].any()


def test_what_is_mailable_has_both_consents_or_a_subscription_outside_gdpr() -> None:
    allowed = every_combination().filter("mailable")
    assert set(allowed.select("gdpr_status", "communications", "mailing_status").rows()) == {
        ("accepted", "yes", None),
        ("accepted", "yes", "subscribed"),
        *((g, "yes", s) for g in ("off", "not_subject") for s in (None, "subscribed")),
        *((g, None, "subscribed") for g in ("off", "not_subject")),
    }
