"""Loop Returns, API 2026-10 (https://docs.loopreturns.com/).

Three quirks to know:

1. "No" comes with HTTP 200 and in six shapes; an action succeeded only if the body is the JSON value ``true``.
2. A return is opened by a walk through forms that the vendor sends; their fields differ from account to account, and
   rules made for the portal (photos, questions, minimum values) stop the walk.
3. List and details show one return with other types and names, and the list leaves cancelled and reviewed returns out
   unless they are asked for.
"""

from backhaul.connectors.loop.connector import Loop, LoopVendor

vendor = LoopVendor()

__all__ = ["Loop", "LoopVendor", "vendor"]
