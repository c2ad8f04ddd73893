"""The loop: intake, sweep, attend, effects, deadlines."""
