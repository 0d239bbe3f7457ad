"""The operations that people and programs have on a gateway.

* operations   the table: each operation is declared once, with its path, its right, its input and its output
* operation    how a row is declared, and what a class that performs a table does
* inputs, views   the types of what operations take and give; field names are the JSON
* outcome      the words for what became of processes in pods, for commands and screens
* client       sends the operations to a gateway that is another process; made from the table
* server       the routes and the OpenAPI description; made from the table
* service      checks the right that the table names, and implements the operations inside the gateway

A new operation is a method in `operations.py`, and a method of the same name in the file of `service/` that implements its table; if people type it, its
command is in `cli/`.
"""
