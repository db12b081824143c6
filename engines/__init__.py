"""Engines: what a network takes and returns, how it is compiled, and what a compiled network is."""

from engines import telemetry

# Here, because every package of the project imports `engines` before it can import openvino or nncf.
telemetry.disable()
