"""Charts of what people said, made on the server as SVG from the parts of crm.charts. Pure but for safe strings."""
