"""What vendors call: webhooks."""
