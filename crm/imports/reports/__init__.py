"""The harmonizer: any retailer's report in, canonical facts out. Pure: files and mappings in, frames out."""
