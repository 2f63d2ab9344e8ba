"""Engagement of the product: windows and days summed by partition, merged, judged and reported (SPEC 6, 7)."""
