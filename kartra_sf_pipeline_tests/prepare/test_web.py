from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.accounts import web_domains
from kartra_sf_pipeline.prepare.web import website


@pytest.mark.parametrize(
    ("site", "domain"),
    [
        ("https://www.acme.co.uk/about?x=1", "acme.co.uk"),
        ("acme.com", "acme.com"),
        ("HTTP://WWW.ACME.COM:8080", "acme.com"),
        ("shop.acme.com.", "acme.com"),
        ("foo.wixsite.com/bar", "foo.wixsite.com"),
        ("acme.example", "acme.example"),
        ("müller.de", "müller.de"),
        ("https://www.facebook.com/acme", None),
        ("linktr.ee/acme", None),
        ("gmail.com", None),
        ("10.0.0.1", None),
        ("com", None),
        ("under construction", None),
        (None, None),
    ],
)
def test_company_domain_of_a_site(site: str | None, domain: str | None) -> None:
    assert web_domains(pl.Series([site], dtype=pl.String)).to_list() == [domain]


def test_words_for_no_site_are_null_and_sites_stay_verbatim() -> None:
    frame = pl.DataFrame({"w": [" None ", "http://", "n/a", " Acme.com/Über "]})
    assert frame.select(website(pl.col("w"))).to_series().to_list() == [
        None,
        None,
        None,
        "Acme.com/Über",
    ]
