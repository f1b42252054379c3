"""What every refusal has in common: one message, no traceback, the right code, no write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kartra_sf_pipeline_tests.end_to_end.command_line import Ended
from kartra_sf_pipeline_tests.end_to_end.homes import Home

USED_WRONGLY = 2


def refused(ended: Ended, *words: str, code: int = USED_WRONGLY) -> None:
    """Assert that the command said no in one message that holds the words."""
    assert ended.code == code, ended.said
    assert "Traceback" not in ended.out + ended.err
    assert ended.err.count("Error ") == 1, ended.err
    for word in words:
        assert word in ended.said, f"{word!r} is not in: {ended.said}"


@contextmanager
def nothing_written(home: Home) -> Iterator[None]:
    """Assert that the home's org answered no request that writes."""
    number = home.last_request()
    yield
    assert home.writes_since(number) == []
