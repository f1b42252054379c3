"""Companies: one name and one domain each, and the ways that people write them."""

from __future__ import annotations

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.draw import Draw, Ints, text, where
from kartra_sf_pipeline.sample.words import words

_FIRST = words("""
    Bright Harbor North Silver Maple Summit Blue Copper Cedar Golden River Granite Willow
    Iron Lantern Meadow Orchid Pine Quarry Raven Saffron Thistle Umber Velvet Walnut Amber
    Birch Coral Delta Ember Falcon Garnet Hazel Indigo Juniper Kestrel Lotus Marble Nectar
    Olive Pebble Quill Rowan Sable Tidal Urban Vesper Winter Acorn Beacon Cobalt Dune Eagle
    Fern Grove Heron Island Jasper Kindred Linden Mosaic Noble Opal Prairie
""")
_SECOND = words("""
    gate field stone bridge wood light path crest haven point leaf forge ridge brook mill
    port view well dale spark craft loft nest trail hill bay garden house works road moor
    shore cliff vale glen peak lake star sail root hearth cove fox wing tide seed bloom
    arrow anchor compass line circle square north east west rise span key bell rock isle
    wave lark
""")
_KIND = words("""
    Coaching Studio Consulting Fitness Media Academy Wellness Marketing Design Partners
    Realty Photography Bakery Dental Law Yoga Accounting Nutrition Publishing Roofing Travel
    Software Music Events
""")
_ENDINGS = (".com", ".co", ".net", ".io", ".org", ".biz")
_ENDING_WEIGHTS = (78, 7, 5, 5, 3, 2)

FIRMS_PER_CONTACT = 1 / 14


class Firms:
    """The companies whose people are in one block of contacts.

    A firm's number is unique in the account, and so are its name and domain: what a test calls
    two companies is never one by accident.
    """

    def __init__(self, seed: int, block: int, first: int, count: int) -> None:
        draw = Draw(seed, block, "firms", count)
        self.numbers: Ints = np.arange(first, first + count, dtype=np.int64)
        many = len(_FIRST) * len(_SECOND) * len(_KIND)
        # A multiplier that shares no factor with the product walks through every combination once.
        place = (self.numbers * 61_057 + seed * 7_919) % many
        again = self.numbers // many
        word = pl.Series(_FIRST).gather(place % len(_FIRST))
        place = place // len(_FIRST)
        second = pl.Series(_SECOND).gather(place % len(_SECOND))
        kind = pl.Series(_KIND).gather(place // len(_SECOND))
        suffix = where(again > 0, text(" ", again + 1), "")
        self.names = text(word, second, " ", kind, suffix)
        stem = text(word, second, kind, suffix).str.to_lowercase().str.replace_all(" ", "")
        self.domains = text(stem, draw.pick(_ENDINGS, _ENDING_WEIGHTS))

    def choose(self, draw: Draw) -> Ints:
        """A firm (its place in this block) for each row: few have many people, most have one."""
        return (len(self.numbers) * draw.unit() ** 2.0).astype(np.int64)

    def spelled(self, draw: Draw, firm: Ints, legal_form: pl.Series) -> pl.Series:
        """The firm's name as the person typed it; null where firm is negative."""
        name = self.names.gather(np.maximum(firm, 0))
        shape = draw.choose((54, 16, 5, 5, 6, 6, 2, 2, 2, 2))
        frame = pl.DataFrame(
            {"name": name, "form": legal_form, "shape": shape, "firm": firm, "cut": draw.ints(3, 8)}
        )
        n = pl.col("name")
        forms = (
            (1, pl.concat_str(n, pl.lit(" "), "form")),
            (2, pl.concat_str(n, pl.lit(", "), "form")),
            (3, pl.concat_str(n, pl.lit(" "), pl.col("form").str.to_uppercase())),
            (4, n.str.to_uppercase()),
            (5, n.str.to_lowercase()),
            (6, pl.concat_str(pl.lit("The "), n)),
            (7, pl.concat_str(pl.lit(" "), n, pl.lit("  "))),
            # One letter left out.
            (8, pl.concat_str(n.str.slice(0, pl.col("cut")), n.str.slice(pl.col("cut") + 1))),
            (9, n.str.replace(" ", " & ", literal=True)),
        )
        spelled = pl.when(pl.col("firm") < 0).then(None)
        for number, form in forms:
            spelled = spelled.when(pl.col("shape") == number).then(form)
        return frame.select(spelled.otherwise(n).alias("company")).to_series()

    def website(self, draw: Draw, firm: Ints) -> pl.Series:
        """The firm's site in one of the forms that people paste; null where firm is negative."""
        domain = self.domains.gather(np.maximum(firm, 0))
        before = draw.pick(("https://www.", "https://", "http://", "www.", "", "HTTP://WWW."),
                           (34, 26, 12, 14, 13, 1))  # fmt: skip
        after = draw.pick(("", "/", "/about", "/?utm_source=kartra", "/en/"), (66, 18, 8, 4, 4))
        return where(firm < 0, None, text(before, domain, after))
