"""For services that subscribe: typed records of the output topics, each once, from where they left off."""
