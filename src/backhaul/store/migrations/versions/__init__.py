"""One file a step; numbers rise, files never change once released."""
