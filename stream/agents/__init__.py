"""The flow: topics, agents and tables, wiring the core to the engine."""
