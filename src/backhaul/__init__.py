"""Backhaul: a self-hosted returns hub for TikTok Shop."""

__version__ = "0.1.0"
