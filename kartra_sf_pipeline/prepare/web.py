"""Web addresses, and the registrable domain that stands for a company."""

from __future__ import annotations

from typing import Final

import polars as pl
import tldextract

from kartra_sf_pipeline.prepare.distinct import map_distinct
from kartra_sf_pipeline.prepare.mail_domains import FREE_MAIL_DOMAINS, SHARED_SITES
from kartra_sf_pipeline.prepare.nulls import clean, tidy

# The snapshot of the public suffix list that ships with the package: no network, no cache folder.
_EXTRACT: Final = tldextract.TLDExtract(
    suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True
)
_NO_SITE: Final = ("none", "no", "na", "n.a.", "no website", "nil", "http://", "https://", "www.")
_HOST: Final = r"^(?:[a-z][a-z0-9+.-]*:)?(?://)?(?:[^/@?#\s]*@)?([^/:?#\s]+\.[^/:?#\s]+)"


def website(expr: pl.Expr) -> pl.Expr:
    """A web address as it was written, null for words that say there is none."""
    text = tidy(clean(expr))
    return pl.when(~text.str.to_lowercase().is_in(_NO_SITE)).then(text)


def host_of(expr: pl.Expr) -> pl.Expr:
    """The host of a web address with or without scheme, lower-cased; null if there is none."""
    host = expr.str.to_lowercase().str.extract(_HOST, 1).str.strip_chars(".,;")
    return pl.when(host.str.contains(r"^[\pL\pN._-]+$")).then(host)


def _registrable(host: str) -> tuple[str | None]:
    found = _EXTRACT.extract_str(host)
    if found.suffix:
        return (found.top_domain_under_public_suffix or None,)
    labels = [label for label in host.split(".") if label]
    # A suffix that the list does not know counts as one label; a number is an address, no name.
    if len(labels) < 2 or labels[-1].isdigit():
        return (None,)
    return (".".join(labels[-2:]),)


def registrable_domains(hosts: pl.Series) -> pl.Series:
    """The registrable domain of each host (`shop.acme.co.uk` gives `acme.co.uk`), null if none."""
    frame = hosts.alias("_host").to_frame()
    return map_distinct(
        frame, ["_host"], _registrable, {"_domain": pl.String}, where=pl.col("_host").is_not_null()
    )["_domain"]


def company_domain(domain: pl.Expr) -> pl.Expr:
    """Null for domains of mail providers and of sites that host everyone's pages."""
    nobody = sorted(FREE_MAIL_DOMAINS | SHARED_SITES)
    return pl.when(~domain.is_in(nobody)).then(domain)
