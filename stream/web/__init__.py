"""What a worker serves over HTTP: its metrics, its health, what it knows, and a page to watch."""
