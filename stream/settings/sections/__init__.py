"""The sections of the reference: what can be set, by what it is about."""
