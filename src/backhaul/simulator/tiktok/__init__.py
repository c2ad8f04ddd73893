"""TikTok Shop, simulated: authorisation, orders, after-sales, labels, logistics and webhooks, with state of its own."""
