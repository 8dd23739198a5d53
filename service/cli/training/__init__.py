"""The training commands: `leansieve corpus | seeds | train | compare | evaluate | export`."""
