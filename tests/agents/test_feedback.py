"""What people say of incidents reaches the merger's topic once each; what can't be read stops nothing."""

from __future__ import annotations

import logging

import msgspec
import pytest

from stream.agents.feedback import FeedbackState
from stream.core.engagement.control import Control, encode_json
from stream.metrics import Metrics
from tests.agents.test_merging import Part

SAID = Control("c-1", "total@1767225600000", "false", by="ann@example.com", at_ms=1_767_226_000_000)


def test_it_is_sent_on_as_a_part_and_what_can_t_be_read_is_said(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    state = FeedbackState(metrics)
    with caplog.at_level(logging.WARNING):
        state.process([Part(b"{}", offset=6), Part(None, offset=7), Part(encode_json(SAID), offset=8)])
    [(output, key, value)] = state.take_outputs()
    assert (output, key) == ("partials", None)
    assert value is not None
    assert msgspec.msgpack.decode(value, type=Control) == SAID
    assert state.take_outputs() == []
    assert state.take_changes() == ()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].startswith("Offset 6 of the control topic: not a control record")
    shown = metrics.render().decode().splitlines()
    assert 'footfall_feedback_total{result="forwarded"} 1.0' in shown
    assert 'footfall_feedback_total{result="refused"} 2.0' in shown
