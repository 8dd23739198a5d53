"""The commands over `training`: `leansieve corpus | seeds | train | compare | evaluate | export`."""
