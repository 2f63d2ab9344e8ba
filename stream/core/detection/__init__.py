"""Time series of any source: what is expected next, between which bounds, how unusual a value is. Pure."""

from stream.core.detection.detector import Detector, Kind
from stream.core.detection.judgement import Judgement

__all__ = ["Detector", "Judgement", "Kind"]
