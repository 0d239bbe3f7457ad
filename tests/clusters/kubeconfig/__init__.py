"""A cluster of a kubeconfig: its files, its credentials, its plugins."""
