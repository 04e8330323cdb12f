"""Google Cloud: where things are there, and the clients that speak to it."""
