"""One folder a vendor, the same file names in each; no vendor imports another."""
