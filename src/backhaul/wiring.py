"""Who implements what: the only module that knows the connectors by name."""
