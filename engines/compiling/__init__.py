"""How an engine is built, checked against its network, cached, inspected and timed."""
