"""The pages on which a shop's buyers ask for returns: plain HTML that needs no script."""
