"""What lists become: campaigns, or groups of the org's users."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.rows import lists
from kartra_sf_pipeline.mapping.strategies import Lists


def user(number: int, email: str, *, active: bool = True) -> OrgUser:
    return OrgUser(f"005{number:015}", f"user{number}@org.test", email, "U", active)


def memberships(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [(key, name, name.lower(), "contacts.csv", 2, False) for key, name in pairs]
    return pl.DataFrame(
        rows,
        schema={
            "contact_key": pl.String, "list_name": pl.String, "list_folded": pl.String,
            "source_file": pl.String, "source_line": pl.Int64, "inactive": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def declared(*names: str) -> pl.DataFrame:
    return pl.DataFrame(
        [(name, None, None, "lists.csv", number) for number, name in enumerate(names, 2)],
        schema={
            "list": pl.String, "description": pl.String, "active": pl.String,
            "source_file": pl.String, "source_line": pl.Int64,
        },
        orient="row",
    )  # fmt: skip


CHOSEN = Lists(default="campaign", by_list={"Team": "group", "old  NEWS": "none"})


def test_each_list_becomes_what_the_map_says_of_it() -> None:
    held = memberships(("1", "Team"), ("1", "News"), ("2", "Old News"))
    campaigns = lists.campaigns(held, declared("Team", "Old News"), CHOSEN)
    groups = lists.groups(held, declared("Team", "Old News"), CHOSEN)
    assert campaigns["campaign_key"].to_list() == ["list:news"]
    assert groups.select("name", "developer_name", "source_line").rows() == [
        ("Team", "Kartra_team", 2)
    ]


def test_a_group_takes_users_alone_and_everybody_else_is_left_out_with_the_reason() -> None:
    held = memberships(
        ("1", "Team"), ("2", "Team"), ("3", "Team"), ("4", "Team"), ("5", "Team"), ("1", "Old News")
    )
    people_seen = pl.DataFrame(
        {"contact_key": ["1", "2", "3", "4", "5"],
         "email": ["ann@org.test", "ben@org.test", None, "out@side.test", "ann@org.test"]}
    )  # fmt: skip
    users = (user(1, "Ann@org.test"), user(2, "ben@org.test", active=False))
    found = lists.memberships_sorted(
        held, lists.all_lists(held, declared(), CHOSEN), people_seen, users
    )
    members = lists.group_members(found)
    assert members.select("developer_name", "user_id", "member_key").rows() == [
        ("Kartra_team", users[0].id, "Kartra_team|1")
    ]
    assert lists.memberships_left_out(found).select("contact_key", "reason").rows() == [
        ("1", "list_is_not_moved"),
        ("2", "inactive_user"),
        ("3", "no_email"),
        ("4", "no_user"),
        ("5", "user_is_in_the_group"),
    ]


def test_developer_names_are_valid_and_never_shared() -> None:
    names = ["team", "vip buyers", "vip_buyers", "vip-buyers", "café", "客户", "2024 leads",
             "x" * 300, "x" * 300 + "y", "a  b", "-", "ends with -"]  # fmt: skip
    made = lists.developer_names(pl.Series(names))
    assert made.n_unique() == len(names)
    assert (made.str.len_chars() <= 80).all()
    assert made.str.contains(r"^[A-Za-z](?:[A-Za-z0-9]|_(?!_))*$".replace("(?!_)", "")).all()
    assert not made.str.contains("__").any()
    assert not made.str.ends_with("_").any()
    assert made[0] == "Kartra_team"
