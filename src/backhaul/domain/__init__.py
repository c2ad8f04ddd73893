"""What a return is and what must happen next.

Pure: no clock, no I/O, no randomness. Everything known of a case is one frozen
:class:`~backhaul.domain.facts.Facts`; :func:`~backhaul.domain.plan.plan` turns it, a policy and a
moment into the steps that are ready now.
"""
