"""SQL and nothing else: one module a noun, written by hand over asyncpg."""
