"""One file per screen with its .tcss beside it. Each says which keys exist; `check_action` says which of them work now, and only those are shown."""
