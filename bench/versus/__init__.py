"""Footfall beside other stream processors: the same events, the same Kafka, one core each, in turn."""
