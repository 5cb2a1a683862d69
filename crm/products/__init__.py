"""Products: reading barcodes, telling whether a retailer's item is ours, and the decisions of people about it."""
