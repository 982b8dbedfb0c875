"""The queue that is a file: segments, recovery of dead journals, and the writer that drains them into a store."""
