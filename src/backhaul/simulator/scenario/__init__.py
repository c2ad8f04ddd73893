"""Scenarios: named stories of a buyer, an order, and what everybody does, with what must be true at the end.

The files lie in `scenarios/`; `reading` turns one into a Scenario, `world` plays everybody but the seller on a running
simulator, `player` plays many stories on one time-line, `judging` compares their end with the simulator's books.
"""
