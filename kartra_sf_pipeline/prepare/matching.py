"""Which contacts are one person: scored pairs, a decision for each, and the rule that made it.

A pair's score is that of its best rule: what the rule is worth, times how well the names agree.
No rule rests on a name alone. From `MERGE_AT` on people are merged, from `REVIEW_AT` on someone
should look.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from kartra_sf_pipeline.prepare.clusters import guard_chains
from kartra_sf_pipeline.prepare.pairs import candidate_pairs, features

MERGE_AT: Final = 0.95
REVIEW_AT: Final = 0.75
# Pairs below are not even listed as ignored.
LISTED_AT: Final = 0.5

MATCH_SCHEMA: Final = {
    "left_key": pl.String,
    "right_key": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
    "decision": pl.String,
    "rule": pl.String,
}
# Strings leave Polars for the scorers; in slices, so that they never stand in memory all at once.
_SLICE: Final = 400_000
_COMPARED: Final = (
    "first", "last", "root", "middle", "suffix", "phone", "zip", "street", "company", "email",
    "mailbox", "meant", "local", "mail_domain",
)  # fmt: skip


def match_contacts(prepared: pl.DataFrame) -> pl.DataFrame:
    """Scored pairs of kept contacts: left_key, right_key, score, evidence, decision, rule.

    `decision` is merge, review or ignore; the merges form no chains (a pair that only a third
    contact would join is for review). Pairs below `LISTED_AT` are left out. Sorted by score.
    """
    people = features(prepared)
    pairs = candidate_pairs(people)
    slices = [
        _score(people, pairs.slice(start, _SLICE)) for start in range(0, pairs.height, _SLICE)
    ]
    if not slices:
        return pl.DataFrame(schema=MATCH_SCHEMA)
    scored = guard_chains(pl.concat(slices))
    return scored.select(list(MATCH_SCHEMA)).sort(
        ["score", "left_key", "right_key"], descending=[True, False, False]
    )


def _score(people: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    sides = {
        side: people[pairs[side]].select(
            pl.col("contact_key").alias(f"{side}_key"),
            *(pl.col(name).alias(f"{name}_{side[0]}") for name in _COMPARED),
        )
        for side in ("left", "right")
    }
    both = pl.concat([sides["left"], sides["right"]], how="horizontal")
    both = both.with_columns(
        _similarity(both, "first").alias("first_jw"),
        _similarity(both, "last").alias("last_jw"),
        _one_edit(both, "local").alias("local_close"),
    )
    return _apply_rules(_agreements(both)).filter(pl.col("score") >= LISTED_AT)


def _similarity(both: pl.DataFrame, name: str) -> pl.Series:
    """Jaro-Winkler of two columns, null where either is null."""
    left, right = both[f"{name}_l"], both[f"{name}_r"]
    values = cpdist(
        left.fill_null("").to_list(),
        right.fill_null("").to_list(),
        scorer=JaroWinkler.similarity,
        dtype=np.float32,
        workers=-1,
    )
    known = left.is_not_null() & right.is_not_null()
    return pl.Series(values).cast(pl.Float64).set(~known, None)


def _one_edit(both: pl.DataFrame, name: str) -> pl.Series:
    """True where the two texts are one slip apart (or equal) and long enough for that to count."""
    left, right = both[f"{name}_l"].fill_null(""), both[f"{name}_r"].fill_null("")
    edits = cpdist(left.to_list(), right.to_list(), scorer=OSA.distance, score_cutoff=1, workers=-1)
    long_enough = (left.str.len_chars() >= 6) & (right.str.len_chars() >= 6)
    return pl.Series(edits <= 1) & long_enough


def _same(name: str) -> pl.Expr:
    return (pl.col(f"{name}_l") == pl.col(f"{name}_r")).fill_null(False)


def _agreements(both: pl.DataFrame) -> pl.DataFrame:
    first = (
        pl.when(_same("root") & _same("first"))
        .then(1.0)
        .when(_same("root"))
        .then(0.98)
        # "J." beside "John": an initial neither says yes nor no.
        .when(
            (pl.min_horizontal(*(pl.col(f"first_{s}").str.len_chars() for s in "lr")) == 1)
            & (pl.col("first_l").str.slice(0, 1) == pl.col("first_r").str.slice(0, 1))
        )
        .then(0.9)
        .otherwise(pl.col("first_jw"))
    )
    frame = both.with_columns(first.alias("first_sim"))
    names = pl.min_horizontal("first_sim", "last_jw")
    known = pl.col("first_sim").is_not_null() & pl.col("last_jw").is_not_null()
    return frame.with_columns(
        pl.when(known).then(names).alias("name_sim"),
        known.alias("names_known"),
        (known & (pl.col("first_sim") < 0.75) & (pl.col("last_jw") < 0.8))
        .fill_null(False)
        .alias("names_differ"),
        (
            (pl.col("suffix_l").str.to_lowercase() != pl.col("suffix_r").str.to_lowercase())
            | (pl.col("middle_l") != pl.col("middle_r"))
        )
        .fill_null(False)
        .alias("generation"),
        *(
            _same(name).alias(f"same_{name}")
            for name in ("email", "mailbox", "meant", "phone", "zip", "street", "company", "local")
        ),
        (_same("mail_domain") & pl.col("local_close") & ~_same("local")).alias("close_email"),
        _same("mail_domain").alias("same_mail_domain"),
    )


def _rules() -> dict[str, pl.Expr]:
    """Each rule's score for a pair, null where the rule does not apply."""
    names, known, differ = pl.col("name_sim"), pl.col("names_known"), pl.col("names_differ")
    agree = (known & (names >= 0.9)).fill_null(False)
    address = pl.col("same_zip") & pl.col("same_street")
    local = pl.col("same_local") & (pl.col("local_l").str.len_chars() >= 5)
    return {
        "same_email": pl.when("same_email").then(pl.when(differ).then(0.9).otherwise(1.0)),
        "same_mailbox": pl.when("same_mailbox").then(
            pl.when(differ).then(0.8).when(agree).then(0.98).otherwise(0.9)
        ),
        "typo_domain": pl.when("same_meant").then(
            pl.when(agree | (pl.col("same_phone") & ~differ))
            .then(0.97)
            .when(differ)
            .then(0.6)
            .otherwise(0.88)
        ),
        "name_phone": pl.when("same_phone").then(0.98 * names),
        "name_address": pl.when(address).then(0.97 * names),
        # A placeholder for a last name: the address speaks for it.
        "first_address": pl.when(address & ~known & (pl.col("first_sim") >= 0.95)).then(0.8),
        "name_local_more": pl.when(
            local & (pl.col("same_company") | pl.col("same_zip") | pl.col("same_phone"))
        ).then(0.96 * names),
        "name_local": pl.when(local).then(0.86 * names),
        "name_close_email": pl.when("close_email").then(0.86 * names),
        "name_company": pl.when("same_company").then(0.82 * names),
        "name_zip": pl.when("same_zip").then(0.78 * names),
        "phone_without_name": pl.when(pl.col("same_phone") & ~known).then(0.76),
    }


def _apply_rules(frame: pl.DataFrame) -> pl.DataFrame:
    rules = _rules()
    # Father and son, or Ann B. and Ann C.: the same name and address, and two people.
    held = pl.when("generation").then(0.9).otherwise(1.0)
    frame = frame.with_columns(
        (rule * pl.when(pl.col("same_email")).then(1.0).otherwise(held)).alias(f"rule_{name}")
        for name, rule in rules.items()
    )
    columns = [f"rule_{name}" for name in rules]
    frame = frame.with_columns(pl.max_horizontal(columns).fill_null(0.0).alias("score"))
    best = pl.coalesce(
        pl.when(pl.col(f"rule_{name}") == pl.col("score")).then(pl.lit(name)) for name in rules
    )
    evidence = pl.concat_str(
        *(
            pl.when(pl.col(flag)).then(pl.lit(said))
            for flag, said in (
                ("same_email", "same e-mail"),
                ("same_phone", "same phone"),
                ("same_street", "same street"),
                ("same_zip", "same postal code"),
                ("same_company", "same company"),
                ("close_email", "e-mails one slip apart"),
                ("generation", "suffix or middle initial differs"),
            )
        ),
        pl.when(pl.col("same_mailbox") & ~pl.col("same_email")).then(pl.lit("same mailbox")),
        pl.when(pl.col("same_meant") & ~pl.col("same_mailbox")).then(
            pl.lit("same mailbox once a mistyped domain is mended")
        ),
        pl.when(pl.col("same_local") & ~pl.col("same_mail_domain")).then(
            pl.lit("same name before the @")
        ),
        pl.when("names_known").then(
            pl.format(
                "first name {}, last name {}",
                pl.col("first_sim").round(2),
                pl.col("last_jw").round(2),
            )
        ),
        separator="; ",
        ignore_nulls=True,
    )
    decision = (
        pl.when(pl.col("score") >= MERGE_AT)
        .then(pl.lit("merge"))
        .when(pl.col("score") >= REVIEW_AT)
        .then(pl.lit("review"))
        .otherwise(pl.lit("ignore"))
    )
    return frame.select(
        "left_key",
        "right_key",
        pl.col("score").round(4),
        evidence.alias("evidence"),
        decision.alias("decision"),
        best.alias("rule"),
    )
