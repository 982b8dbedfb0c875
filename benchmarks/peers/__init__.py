"""The same turn through other libraries, each against a sink on loopback: `python -m benchmarks.peers`."""
