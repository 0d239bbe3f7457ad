"""The way out, against real TLS servers, real plugins and, where there is one, a real API server."""
