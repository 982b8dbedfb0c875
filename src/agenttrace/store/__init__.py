"""Where runs are kept: the Store protocol, the merge, and the stores. Only this room knows SQL."""
