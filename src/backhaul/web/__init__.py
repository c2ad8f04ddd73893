"""Everything that answers a request: ingress, dashboard, portal, API."""
