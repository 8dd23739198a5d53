"""What searches find, and what their parts are worth."""
