"""Settings of one Backhaul process: the only module that reads the environment."""
