"""Footfall: who is visiting, who is active, who has just changed stage, from a product's event stream."""

__version__ = "0.1.0"
