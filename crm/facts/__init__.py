"""Facts of retail media in the database: merging reports into them, taking a report back, what counts in totals."""
