"""A product's synthetic users: seeded, believable, endless if need be. docs/simulate.md says what they do."""
