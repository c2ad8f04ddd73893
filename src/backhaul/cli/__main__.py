"""`python -m backhaul.cli` is `backhaul`: child processes are started so, whatever the PATH."""

from backhaul.cli import main

if __name__ == "__main__":
    main()
