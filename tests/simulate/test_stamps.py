"""The generator's own time format is the core's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.core.times import format_ms
from stream.simulate.stamps import stamp


@given(st.integers(-5_000_000_000_000, 5_000_000_000_000))
def test_stamps_read_as_the_cores(t_ms: int) -> None:
    assert stamp(t_ms) == format_ms(t_ms)
