"""Reads recorded exchanges as the API objects that they speak of: what was written, how an object stood before and after. Pure.

* kinds       the messages of Kubernetes' protobuf form, by the table in kinds.json, as the JSON of the same objects
* bodies      the objects in one body: JSON, YAML, protobuf, lists, tables, watch events
* exchange    one request and its answer, put together from frames
* writes      the effect of an exchange on objects: created, changed, deleted, unknown
* difference  two states of an object as fields with a value before and after
* masked      the values of those fields as they may be shown
* traces      credentials in an answer or a stream, and files that were copied
"""
