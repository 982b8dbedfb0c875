"""The faults, one module a family. Each is a function that does harm once, see `faults.fault`."""
