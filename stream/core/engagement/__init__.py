"""Engagement of the product: windows and days, summed by partition, merged and judged (SPEC 6, 7)."""
