"""SQL and nothing else, its migrations, and the embedded PostgreSQL."""
