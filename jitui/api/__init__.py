"""What people and programs do with a gateway: the operations, the client, the server, and the service behind it, bound to one caller."""
