"""What we ask of the outside: one small Protocol per ability, the manifest that declares them, and the five errors."""
