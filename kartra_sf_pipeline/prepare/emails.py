"""E-mail addresses: normalised, judged, and mistyped domains noticed. No network is asked."""

from __future__ import annotations

from typing import Final

import email_validator
import polars as pl
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from kartra_sf_pipeline.prepare.distinct import map_distinct
from kartra_sf_pipeline.prepare.mail_domains import BIG_MAIL_DOMAINS, FREE_MAIL_DOMAINS
from kartra_sf_pipeline.prepare.nulls import clean, tidy
from kartra_sf_pipeline.prepare.text import word_set

# Mailboxes of a function, not of a person.
ROLE_LOCAL_PARTS: Final = word_set(
    """
    abuse accounting accounts admin administrator advertising billing board bookings careers
    compliance contact contacto contactus customerservice customersupport donotreply editor
    enquiries enquiry events feedback finance hello help helpdesk hostmaster hr info
    information inquiries inquiry invoices it jobs kontakt legal mail mailer-daemon marketing
    media news newsletter no-reply nobody noreply office orders postmaster press privacy
    reception recruitment register sales security service shop spam support sysadmin team tech
    undisclosed-recipients unsubscribe usenet uucp webmaster welcome
    """
)

# What Salesforce takes in a field of type Email: ASCII alone, and no more than it stores.
_ORG_SYNTAX: Final = (
    r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:[a-z]{2,}|xn--[a-z0-9-]*[a-z0-9])$"
)
_ORG_LENGTH: Final = 80
# "Jane Doe <jane@acme.com>": a mail program's way to write it.
_DISPLAYED: Final = r"^[^<>@]*<\s*([^<>\s]+@[^<>\s]+?)\s*>$"

# What this accepts, email-validator accepts as it stands. It looks at the rest.
_PLAIN: Final = (
    r"^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}$"
)
_SPECIAL: Final = r"--|\.(?:arpa|invalid|local|localhost|onion|test)$"

# Suffixes that are slips of the finger and no registry's.
_BAD_SUFFIXES: Final = {
    "con": "com", "cmo": "com", "ocm": "com", "comm": "com", "coom": "com", "vom": "com",
    "xom": "com", "cpm": "com", "clm": "com", "cim": "com", "copm": "com", "como": "com",
    "nte": "net", "ner": "net", "bet": "net", "nett": "net", "ogr": "org", "orgg": "org",
    "rog": "org",
}  # fmt: skip
# Suffixes that exist: a slip only where the rest is a big mail domain's.
_HASTY_SUFFIXES: Final = {"co": "com", "cm": "com", "om": "com", "ne": "net"}
_BLOCK: Final = 20_000


def _suggest(domains: list[str]) -> dict[str, str]:
    """For each domain that looks like a slip for a big mail domain, the domain that was meant."""
    suggestions: dict[str, str] = {}
    unknown: list[str] = []
    probes: list[str] = []
    for domain in domains:
        if domain in FREE_MAIL_DOMAINS:
            continue
        head, _, suffix = domain.rpartition(".")
        if suffix in _BAD_SUFFIXES:
            suggestions[domain] = f"{head}.{_BAD_SUFFIXES[suffix]}"
        unknown.append(domain)
        probes.append(f"{head}.{_BAD_SUFFIXES.get(suffix, _HASTY_SUFFIXES.get(suffix, suffix))}")
    wanted = sorted(BIG_MAIL_DOMAINS)
    # One slip: a letter more, less, other, or two exchanged. In blocks, to hold the matrix small.
    for start in range(0, len(unknown), _BLOCK):
        block = probes[start : start + _BLOCK]
        distances = cdist(block, wanted, scorer=OSA.distance, score_cutoff=1, workers=-1)
        nearest = distances.argmin(axis=1)
        for row, column in enumerate(nearest):
            distance, target = int(distances[row, column]), wanted[int(column)]
            # A short name has many honest neighbours (aol, msn, live).
            slip = distance == 1 and len(target) >= 9 and block[row][0] in target[:2]
            if distance == 0 or slip:
                suggestions[unknown[start + row]] = target
    return suggestions


def _validate(address: str) -> tuple[str | None]:
    try:
        found = email_validator.validate_email(address, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        return (None,)
    # Two addresses that differ in case alone reach one mailbox everywhere that matters, and the
    # ASCII form of a domain is the one that other systems accept.
    domain = found.ascii_domain or found.domain
    return (f"{found.local_part}@{domain}".lower(),)


def prepare_emails(raw: pl.Series) -> pl.DataFrame:
    """Judge addresses: columns `email`, `email_raw`, `email_verdict`, `email_suggestion`.

    `email` is the normalised address as Salesforce takes it: in ASCII, a domain with a suffix of
    two letters or more, at most 80 characters; else null. The verdict is `valid`, `typo`
    (well-formed, but the domain looks mistyped; the suggestion says what was meant), `role` (a
    function's mailbox), `unsupported` (an address that exists by the book and that Salesforce
    refuses), `invalid` or `missing`. Rows keep their order.
    """
    written = tidy(clean(pl.col("email_raw"))).str.to_lowercase()
    text = (
        written.str.replace(r"^(?:mailto:|<)+\s*", "").str.replace(r"[>,;]+$", "").str.strip_chars()
    )
    frame = raw.alias("email_raw").to_frame().with_columns(text.alias("_text"))
    local_length = pl.col("_text").str.find("@", literal=True)
    plain = (
        pl.col("_text").str.contains(_PLAIN)
        & ~pl.col("_text").str.contains(_SPECIAL)
        & (pl.col("_text").str.len_bytes() <= 254)
        & (local_length <= 64)
    ).fill_null(False)
    frame = frame.with_columns(plain.alias("_plain"))
    unsettled = pl.col("_text").is_not_null() & ~pl.col("_plain")
    frame = map_distinct(
        frame, ["_text"], _validate, {"_checked": pl.String}, where=unsettled
    ).with_columns(
        pl.when(pl.col("_plain"))
        .then(pl.col("_text"))
        .otherwise(pl.col("_checked"))
        .alias("_address")
    )
    address = pl.col("_address")
    taken = (address.str.len_bytes() <= _ORG_LENGTH) & address.str.contains(_ORG_SYNTAX)
    # A suffix of one letter, or with a digit, is no registry's.
    suffix = address.str.extract(r"\.([^.]*)$", 1)
    real = suffix.str.contains(r"^(?:[a-z]{2,}|xn--.+)$")
    frame = frame.with_columns(
        pl.when(taken & real).then(address).alias("email"),
        (real & ~taken).fill_null(False).alias("_unsupported"),
    )
    frame = frame.with_columns(
        pl.col("email").str.extract(r"^(.*)@", 1).alias("_local"),
        pl.col("email").str.extract(r"@([^@]*)$", 1).alias("_domain"),
    )
    domains = frame["_domain"].drop_nulls().unique(maintain_order=True).to_list()
    meant = _suggest(domains)
    typo = pl.col("_domain").replace_strict(
        list(meant), list(meant.values()), default=None, return_dtype=pl.String
    )
    role = pl.col("_local").str.replace(r"\+.*$", "").is_in(sorted(ROLE_LOCAL_PARTS))
    verdict = (
        pl.when(pl.col("_text").is_null())
        .then(pl.lit("missing"))
        .when(pl.col("_unsupported"))
        .then(pl.lit("unsupported"))
        .when(pl.col("email").is_null())
        .then(pl.lit("invalid"))
        .when(typo.is_not_null())
        .then(pl.lit("typo"))
        .when(role)
        .then(pl.lit("role"))
        .otherwise(pl.lit("valid"))
    )
    return frame.select(
        "email",
        tidy(pl.col("email_raw")).alias("email_raw"),
        verdict.alias("email_verdict"),
        pl.coalesce(
            pl.col("_local") + "@" + typo,
            # "Jane Doe <jane@acme.com>" is no address, but holds one.
            pl.when(pl.col("email").is_null()).then(
                tidy(pl.col("email_raw")).str.to_lowercase().str.extract(_DISPLAYED, 1)
            ),
        ).alias("email_suggestion"),
    )


def mailbox(email: pl.Expr) -> pl.Expr:
    """The mailbox behind an address: tags (`+x`) dropped everywhere, dots at Gmail."""
    local = email.str.extract(r"^(.*)@", 1)
    domain = email.str.extract(r"@([^@]*)$", 1).replace({"googlemail.com": "gmail.com"})
    untagged = local.str.replace(r"\+.*$", "")
    base = pl.when(local.str.starts_with("+")).then(local).otherwise(untagged)
    gmail = domain == "gmail.com"
    return pl.when(gmail).then(base.str.replace_all(".", "", literal=True)).otherwise(base) + (
        pl.lit("@") + domain
    )
