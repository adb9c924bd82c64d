"""What bench/run measures, one file for each subcommand and what they share."""
