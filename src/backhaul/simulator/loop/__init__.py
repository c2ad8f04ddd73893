"""A stateful simulator of the Loop Returns API, over real HTTP, connected to stores of the simulated Shopify.

One desk belongs to one store: it finds its orders there, opens returns there, and pays back there when it processes.
What is not publicly known of the vendor is marked [inferred] where it is made up.
"""

from backhaul.simulator.loop.service import Loop

__all__ = ["Loop"]
