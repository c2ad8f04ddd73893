"""Would serve a project that never heard of returns: clock, ids, crypto, text, HTTP, batches."""
