"""From a network to an engine: how it is built, checked against the network, kept, inspected and timed."""
