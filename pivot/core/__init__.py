"""What follows from what: the graph, the verdict on a stage, the schedule, the picture. No I/O, no clock."""
