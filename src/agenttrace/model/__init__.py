"""Values: runs, events, ids, content by run type. No I/O, no clock, no threads."""
