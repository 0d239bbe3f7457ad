"""Programs that do a table of operations with one client of Kubernetes each, against the cluster and through a gateway, and print what came of it."""
