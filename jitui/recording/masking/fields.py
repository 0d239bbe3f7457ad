"""The fields that are shown of a body of a kind that holds secrets: all names, the values that these tables allow, and nothing else.

One table serves Secret, SecretList, TokenRequest and TokenReview, the Tables and watch events with such objects in them, the four kinds of patch, and the
Status and DeleteOptions that come instead (kubernetes: api/core/v1, api/authentication/v1, apimachinery/pkg/apis/meta/v1). The field numbers for
protobuf are from generated.proto beside those files.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias


class Rule(Enum):
    SHOW = 1  # with all that is in it
    MASK = 2
    NOTE = 3  # an annotation: shown if it is short and holds no object; the last applied configuration is a Secret again
    WORDS = 4  # a message of the API server: shown unless it quotes the object


SHOW, MASK, NOTE, WORDS = Rule.SHOW, Rule.MASK, Rule.NOTE, Rule.WORDS
Node: TypeAlias = "Rule | Mapping[str, Node]"  # "*" is any other field, "" a value where the table has fields; neither: MASK
Message: TypeAlias = "Rule | Mapping[int, Message]"

NOTE_LIMIT: Final = 128  # bytes
WORDS_LIMIT: Final = 400
_QUOTES: Final = re.compile(rb"[{|]|[Ii]nvalid value|[Uu]nmarshal|stringData|data\[")


def shown(rule: Rule, value: bytes, *, whole: bool) -> bool:
    """Whether a rule shows a value. `whole`: the value is complete."""
    if rule is SHOW:
        return True
    if rule is NOTE:
        return whole and len(value) <= NOTE_LIMIT and b"{" not in value and not value.startswith(b"H4sI")
    if rule is WORDS:
        return whole and len(value) <= WORDS_LIMIT and not _QUOTES.search(value)
    return False


def _all(names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), SHOW)


META: Final[Node] = {
    **_all("name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds labels"
           " ownerReferences finalizers managedFields clusterName continue remainingItemCount $setElementOrder/ownerReferences $patch"),
    "annotations": {"*": NOTE},
}  # fmt: skip

BODY: Final[dict[str, "Rule | Mapping[str, Node]"]] = {
    **_all("apiVersion kind type immutable reason code $patch $retainKeys op path from"),
    **_all("propagationPolicy gracePeriodSeconds preconditions dryRun orphanDependents fieldManager fieldValidation"),
    "metadata": META,
    "data": {"*": MASK},
    "stringData": {"*": MASK},
    "columnDefinitions": SHOW,
    "message": WORDS,
    "status": {"": SHOW, **_all("expirationTimestamp authenticated user audiences error")},
    "spec": _all("audiences expirationSeconds boundObjectRef"),
    "details": {**_all("name group kind uid retryAfterSeconds"), "causes": {**_all("reason field"), "message": WORDS}},
}
BODY["items"] = BODY["object"] = BODY
BODY["rows"] = {"cells": SHOW, "conditions": SHOW, "object": BODY}

_PROTO_META: Final[Message] = {**dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17), SHOW), 12: {1: SHOW, 2: NOTE}}
_PAIRS: Final[Message] = {1: SHOW, 2: MASK}
_SECRET: Final[Message] = {1: _PROTO_META, 2: _PAIRS, 3: SHOW, 4: _PAIRS, 5: SHOW}
_PARTIAL: Final[Message] = {1: _PROTO_META}
KINDS: Final[Mapping[str, Message]] = {
    "Secret": _SECRET,
    "SecretList": {1: SHOW, 2: _SECRET},
    "TokenRequest": {1: _PROTO_META, 2: SHOW, 3: {1: MASK, 2: SHOW}},
    "TokenReview": {1: _PROTO_META, 2: {1: MASK, 2: SHOW}, 3: SHOW},
    "PartialObjectMetadata": _PARTIAL,
    "PartialObjectMetadataList": {1: SHOW, 2: _PARTIAL},
    "DeleteOptions": SHOW,
    "Status": {1: SHOW, 2: SHOW, 3: WORDS, 4: SHOW, 5: {1: SHOW, 2: SHOW, 3: SHOW, 4: {1: SHOW, 2: WORDS, 3: SHOW}, 5: SHOW, 6: SHOW}, 6: SHOW},
}
