"""The operator's command `runtask`."""
