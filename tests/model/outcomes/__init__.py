"""The model with what comes after a launch: tasks that live and end, their events, the sweep."""
