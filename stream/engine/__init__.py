"""Faust extensions: batch transport, checkpoint, table, recovery. Knows nothing of visits."""
