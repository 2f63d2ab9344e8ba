"""What the numbers mean: events and times in, facts out. Pure."""
