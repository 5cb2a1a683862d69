"""What people said: taken in, taken back, counted, disputed, given out."""
