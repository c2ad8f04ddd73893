"""Load and latency runs beside the machine's limits. `make bench` prints them and writes results/latest.json."""
