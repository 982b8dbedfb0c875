"""What agenttrace costs, measured beside what else there is: `python -m benchmarks`, `python -m benchmarks.peers`."""
