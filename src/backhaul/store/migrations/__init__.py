"""The schema, step by step. Alembic runs the files in ``versions``."""
