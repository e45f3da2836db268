"""What the product's thresholds were fitted on, and the fitting: rows of signs with labels, and no text."""
