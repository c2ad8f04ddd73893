"""The console: pages on which a person sees what the vendors saw, and plays buyer, carrier, channel or staff.

It shows the world as it is in memory. Whatever changes something goes through the control API, so that a button does
exactly what a script would do.
"""
