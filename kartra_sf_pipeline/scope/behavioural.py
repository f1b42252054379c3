"""Tags that stand for events: all that a Kartra export still says about what people did."""

from __future__ import annotations

from typing import Final

import polars as pl

# Kind and its words. A tag is of the first kind that has a word in it: who bought a membership has
# bought, so deeds of buying come before the goods, and general words last.
_WORDS: Final = (
    ("purchase", "purchas(e|ed|er|ers)|bought|buyers?|refund(ed)?|checkout|cart"),
    ("webinar", "webinars?|masterclass(es)?|livestream|replay|workshops?|summit"),
    ("survey", "surveys?|quiz(zes)?|questionnaires?|polls?|nps|assessments?"),
    (
        "course",
        "courses?|lessons?|modules?|students?|enrol(l)?(ed|ment)?|graduat(e|ed|es)|"
        "certificat(e|es|ed)",
    ),
    (
        "membership",
        "members?|memberships?|subscriber access|portal|access granted|access revoked",
    ),
    (
        "form",
        "forms?|opt ?in|opted in|sign ?up|signed up|submitted|lead magnet|downloads?|"
        "downloaded|application|applied|contacted us",
    ),
    ("video", "videos?|watched|vsl|livestreamed"),
    (
        "event",
        "events?|conferences?|meet ?ups?|retreats?|boot ?camps?|tickets?|appointments?|booked|"
        "calls? (booked|completed|cancel(l)?ed|scheduled)|attended",
    ),
    ("purchase", "customers?|orders?|ordered|paid|upsell|downsell|bump|rebill(ed)?"),
)
KINDS: Final = (
    "form", "survey", "webinar", "membership", "course", "purchase", "video", "event",
)  # fmt: skip
# Words that say what happened, shown as further evidence.
_DEEDS: Final = (
    "register(ed)?|registrants?|attend(ed|ee|ees)?|missed|no ?show|watched|started|completed?|"
    "finished|passed|failed|granted|revoked|joined|left|cancel(l)?ed|abandoned|filled|taken|viewed"
)

# Words that say that nothing of the sort has happened yet: an interest, a link that was clicked.
_WISHES: Final = "interest(s|ed)?|clicked|invited?|wants?"

SCHEMA: Final = pl.Schema(
    {
        "tag": pl.String(),
        "contacts": pl.UInt32(),
        "kind": pl.String(),
        "evidence": pl.String(),
    }
)


def _whole_words(pattern: str) -> str:
    return rf"\b(?:{pattern})\b"


def behavioural_tags(parsed_tags: pl.DataFrame) -> pl.DataFrame:
    """The tags that look like events, most frequent first: `tag`, `contacts` (who carry it),
    `kind` (one of `KINDS`), `evidence` (its words).

    Only the name is known: not when, why or how often it happened. An empty frame means that
    nothing of the account's history can be told from its tags.
    """
    tags = parsed_tags.group_by("tag_folded", maintain_order=True).agg(
        pl.col("tag").first(), pl.col("contact_key").n_unique().alias("contacts")
    )
    words = (
        pl.col("tag")
        .str.replace_all(r"(\p{Ll})(\p{Lu})", "${1} ${2}")
        .str.to_lowercase()
        .str.replace_all(r"[^\pL\pN]+", " ")
    )
    kind = pl.coalesce(
        [
            pl.when(pl.col("_words").str.contains(_whole_words(pattern))).then(pl.lit(name))
            for name, pattern in _WORDS
        ]
    )
    every_word = _whole_words("|".join([*(pattern for _, pattern in _WORDS), _DEEDS]))
    evidence = pl.col("_words").str.extract_all(every_word).list.unique(maintain_order=True)
    return (
        tags.with_columns(_words=words)
        .with_columns(kind=kind, evidence=evidence.list.join(", "))
        .filter(
            pl.col("kind").is_not_null() & ~pl.col("_words").str.contains(_whole_words(_WISHES))
        )
        .sort("contacts", "tag_folded", descending=[True, False])
        .select(SCHEMA.names())
        .cast(SCHEMA)
    )
