"""What pages about judges, weights and single experiences read."""
