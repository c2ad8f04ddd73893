"""The vendors' wire, state and moods over real HTTP; shares no signing or money code with the connectors."""
