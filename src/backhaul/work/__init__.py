"""The loop: hints come in, a subject is attended to, effects go out, and what cannot go on is shown."""
