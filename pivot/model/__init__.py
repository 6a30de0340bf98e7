"""What things are: the frozen words that every other part speaks in. No I/O, no clock."""
