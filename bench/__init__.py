"""Load and latency runs, beside the limits of the machine they ran on: `python -m bench`."""
