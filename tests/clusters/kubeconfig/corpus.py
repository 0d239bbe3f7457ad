"""Kubeconfigs of every kind, byte for byte, and the way in which client-go reads each of them (clientgo/answers.json).

To make the answers anew: write the cases with `python -m tests.clusters.kubeconfig.corpus FOLDER`, then `go run . FOLDER > answers.json` in clientgo.
"""

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent / "clientgo"
ONE, TWO, CLIENT, KEY = (HERE.joinpath(f"{name}.pem").read_bytes() for name in ("one", "two", "client", "client-key"))
V1, V1BETA1 = "client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"
# Its token tells what it was given: the cluster of its KUBERNETES_EXEC_INFO, its arguments, and one variable.
PLUGIN: Final = """#!/bin/sh
info=$(printf '%s' "$KUBERNETES_EXEC_INFO")
said=$(printf '%s\\n%s\\n%s' "$info" "$*" "$GIVEN" | base64 -w0)
printf '{"kind":"ExecCredential","apiVersion":"%s","status":{"token":"%s"}}' "${VERSION:-client.authentication.k8s.io/v1}" "$said"
"""


@dataclass(frozen=True)
class Case:
    """One value of KUBECONFIG and the files that it names; a file `plugin` may be executed, one whose bytes begin with `->` is a link."""

    files: Mapping[str, bytes]
    value: str = "config"
    context: str = ""
    folders: tuple[str, ...] = field(default=())

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for name, data in self.files.items():
            path = folder / name
            if "/" in name:
                path.parent.mkdir(parents=True, exist_ok=True)
            if data.startswith(b"->"):
                path.symlink_to(os.fsdecode(data[2:]))
                continue
            path.write_bytes(data)
            path.chmod(0o700 if path.name == "plugin" else 0o600)
        for name in self.folders:
            folder.joinpath(name).mkdir()

    @property
    def digest(self) -> str:
        """Which case it is: an answer to another form of it does not count."""
        whole = [(name, data.decode("latin-1")) for name, data in sorted(self.files.items())]
        return hashlib.sha256(json.dumps([whole, self.value, self.context, self.folders]).encode()).hexdigest()[:16]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def lines(text: str, indent: int, width: int = 64) -> str:
    return "".join(f"\n{' ' * indent}{text[at : at + width]}" for at in range(0, len(text), width))


def text(cluster: str = f"certificate-authority-data: {b64(ONE)}", user: str = "token: abc", *, server: str | None = "server: https://h:6443",
         head: str = "apiVersion: v1\nkind: Config\n", context: str = "{cluster: c, user: u}", tail: str = "current-context: x\n") -> str:  # fmt: skip
    """One cluster, user and context; `cluster` and `user` are fields of theirs, one a line."""
    fields = "".join(f"    {line}\n" for line in (*([server] if server is not None else []), *cluster.splitlines()))
    mine = "".join(f"    {line}\n" for line in user.splitlines())
    return (f"{head}clusters:\n- name: c\n  cluster:\n{fields}users:\n- name: u\n  user:\n{mine}contexts:\n- name: x\n  context: {context}\n{tail}")


def case(config: str | bytes, value: str = "config", context: str = "", folders: tuple[str, ...] = (), **files: str | bytes) -> Case:
    """A case whose main file is `config`."""
    return whole(config, files, value, context, folders)


def whole(config: str | bytes, files: Mapping[str, str | bytes], value: str = "config", context: str = "", folders: tuple[str, ...] = ()) -> Case:
    return Case({name: data if isinstance(data, bytes) else data.encode() for name, data in {"config": config, **files}.items()}, value, context, folders)


def cluster(fields: str) -> Case:
    return case(text(fields))


def user(fields: str, **files: str | bytes) -> Case:
    return whole(text(user=fields), files)


def authority(data: str | bytes) -> Case:
    return case(text("certificate-authority: ca"), ca=data)


def server(line: str, fields: str | None = None) -> Case:
    return case(text(server=line) if fields is None else text(fields, server=line))


def plugin(fields: str = "", *, of: str = f"certificate-authority-data: {b64(ONE)}", version: str = V1, mode: str = "interactiveMode: Never",
           **files: str) -> Case:  # fmt: skip
    lines_of = [f"apiVersion: {version}", "command: ./plugin", *([mode] if mode else []), *fields.splitlines()]
    return whole(text(of, "exec:\n" + "\n".join(f"  {line}" for line in lines_of)), {"plugin": PLUGIN, **files})


def client(certificate: str | bytes = CLIENT, key: str | bytes = KEY, fields: str = "client-certificate: crt\nclient-key: key") -> Case:
    return user(fields, crt=certificate, key=key)


def cases() -> Iterator[tuple[str, Case]]:
    """Each by its name, which no other has."""
    named: set[str] = set()
    for kind in (_documents, _values, _lists, _files, _authorities, _clients, _servers, _proxies, _users, _plugins):
        for name, one in kind().items():
            assert name not in named, name
            named.add(name)
            yield name, one


def run(command: str, more: str = "") -> str:
    """An `exec` in one line."""
    return f"exec: {{apiVersion: {V1}, command: {command}, interactiveMode: Never{more}}}"


def _documents() -> dict[str, Case]:
    """The forms of a file."""
    plain = text()
    as_json = json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x", "clusters": [{"name": "c", "cluster": {"server": "https://h:6443"}}],
        "users": [{"name": "u", "user": {"token": "abc"}}], "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    }, indent=1)  # fmt: skip
    bomb = "".join(f"a{at}: &a{at} [{','.join([f'*a{at - 1}'] * 9)}]\n" for at in range(1, 10))
    return {
        "plain": case(plain), "empty": case(""), "spaces-only": case("  \n"), "comment-only": case("# nothing\n"), "null-document": case("null\n"),
        "dashes": case("---\n" + plain), "dots": case(plain + "...\n"), "two-documents": case(plain + "---\n" + plain.replace("abc", "def")),
        "empty-then-document": case("---\n---\n" + plain), "comment-first": case("# ü\n\n" + plain), "yaml-1.1": case("%YAML 1.1\n---\n" + plain),
        "yaml-1.2": case("%YAML 1.2\n---\n" + plain), "list": case("[]"), "word": case("just text"), "number": case("7"), "unclosed": case("a: [\n"),
        "crlf": case(plain.replace("\n", "\r\n")), "cr": case(plain.replace("\n", "\r")), "no-final-newline": case(plain.rstrip("\n")),
        "bom": case(b"\xef\xbb\xbf" + plain.encode()), "utf-16-le": case(b"\xff\xfe" + plain.encode("utf-16-le")),
        "utf-16-be": case(b"\xfe\xff" + plain.encode("utf-16-be")), "utf-16-without-bom": case(plain.encode("utf-16-le")),
        "latin-1": case(text(user="token: abc # ü").encode("latin-1")), "nul": case(plain + "\0"), "bell": case(plain + "# \a\n"),
        "del": case(plain + "# \x7f\n"),
        "c1": case(plain + "# \x85 \x9f\n"), "line-separator": case(plain + "# \u2028extra: 1\n"), "emoji": case(plain + "# \U0001f600\n"),
        "json": case(as_json), "json-one-line": case(json.dumps(json.loads(as_json))), "json-tabs": case(as_json.replace("\n ", "\n\t")),
        "json-escapes": case(as_json.replace("abc", "a\\u0062c").replace("https://", "https:\\/\\/")),
        "json-surrogates": case(as_json.replace('"kind"', '"extra": "\\ud83d\\ude00", "kind"')), "json-bom": case(b"\xef\xbb\xbf" + as_json.encode()),
        "json-twice": case(as_json.replace('"abc"', '"abc", "token": "def"')), "json-trailing-comma": case(as_json.replace('"abc"', '"abc",')),
        "tab-indent": case(plain.replace("    server", "\tserver")), "tab-after-colon": case(plain.replace("token: ", "token:\t")),
        "tab-before-comment": case(plain.replace("abc", "abc\t# said")), "anchors": case(text(head="base: &s https://h:6443\n", server="server: *s")),
        "anchor-later": case(text(server="server: *s", tail="current-context: x\nbase: &s https://h\n")),
        "anchor-to-itself": case(text(head="base: &s [*s]\n")), "anchor-twice": case(text(head="a: &s https://a\nb: &s https://b\n", server="server: *s")),
        "merge": case(text(head="base: &s {server: 'https://base', tls-server-name: named}\n", server="<<: *s")),
        "merge-then-own": case(text("tls-server-name: own", head="base: &s {server: 'https://base', tls-server-name: named}\n", server="<<: *s")),
        "own-then-merge": case(text("tls-server-name: own\n<<: *s", head="base: &s {server: 'https://base', tls-server-name: named}\n")),
        "merge-list": case(text(head="a: &a {server: 'https://a'}\nb: &b {server: 'https://b', tls-server-name: named}\n", server="<<: [*a, *b]")),
        "merge-word": case(text(server="<<: word")), "merge-quoted": case(text("'<<': {tls-server-name: named}")),
        "merge-inline": case(text("<<: {tls-server-name: named}")),
        "merge-null": case(text("<<:")), "merge-list-of-words": case(text("<<: [a]")),
        "merge-alias-of-list": case(text("<<: *l", head="l: &l [{tls-server-name: named}]\n")),
        "bomb": case(text(head=f"a0: &a0 [x]\n{bomb}")), "deep": case(text(head=f"extra: {'[' * 60}{']' * 60}\n")),
        "deeper": case(text(head=f"extra: {'[' * 9000}{']' * 9000}\n")), "deepest": case(text(head=f"extra: {'[' * 11000}{']' * 11000}\n")),
        "deep-block": case(text(head="extra:\n" + "".join(f"{' ' * at}-\n" for at in range(1, 90)))),
        "same-key-twice": case(text(user="token: abc\ntoken: def")), "same-key-then-null": case(text(user="token: abc\ntoken:")),
        "same-section-twice": case(text(tail="current-context: x\nusers: []\n")), "same-key-in-other-forms": case(text(user="token: abc\n'token': def")),
        "number-key": case(text(head="1: one\n")), "null-key": case(text(head="~: one\n")), "bool-key": case(text(head="yes: one\n")),
        "float-key": case(text(head="1.5: one\n")), "list-key": case(text(head="? [a]\n: b\n")), "map-key": case(text(head="? {a: b}\n: c\n")),
        "empty-key": case(text(head="'': one\n")), "big-number-key": case(text(head="18446744073709551615: one\n")),
        "other-case": case(text(user="Token: abc")), "other-case-beside": case(text(user="token: abc\nTOKEN: def")),
        "unknown": case(text("future: {a: [1]}", "token: abc\nfuture: 1", head="future: [x]\n")),
        "kind-missing": case(text(head="apiVersion: v1\n")), "version-missing": case(text(head="kind: Config\n")), "both-missing": case(text(head="")),
        "kind-null": case(text(head="kind:\n")), "kind-pod": case(text(head="kind: Pod\napiVersion: v1\n")), "kind-config": case(text(head="kind: config\n")),
        "kind-number": case(text(head="kind: 7\n")), "version-2": case(text(head="apiVersion: v2\nkind: Config\n")),
        "version-number": case(text(head="apiVersion: 1\n")),
        "version-group": case(text(head="apiVersion: a/v1\nkind: Config\n")), "version-slashes": case(text(head="apiVersion: a/b/c\n")),
        "preferences-null": case(text(head="preferences:\n")), "preferences-list": case(text(head="preferences: []\n")),
        "preferences": case(text(head="preferences: {colors: true, extensions: [{name: a, extension: {b: 1}}]}\n")),
        "preferences-colors-text": case(text(head="preferences: {colors: 'true'}\n")), "extensions-null": case(text(head="extensions:\n")),
        "extensions": case(text(head="extensions:\n- name: a\n  extension: {x: 1}\n- name: b\n  extension: [1, 2]\n")),
        "extensions-word": case(text(head="extensions: word\n")), "extensions-number-name": case(text(head="extensions: [{name: 1}]\n")),
        "extension-null": case(text(head="extensions: [{name: a, extension: }]\n")),
        "extensions-twice": case(text(head="extensions: [{name: a}, {name: a}]\n")),
        "extensions-of-minikube": case(text("extensions:\n- extension:\n    version: v1.29.0\n  name: cluster_info")),
        "extension-without-name": case(text("extensions:\n- extension: 1.5\n")), "extensions-null-item": case(text("extensions: [null]\n")),
    }  # fmt: skip


def _values() -> dict[str, Case]:
    """The forms of one value: a token stands for every text, insecure-skip-tls-verify for every truth value, the authority for every data."""
    made = {f"token-{name}": user(f"token: {value}") for name, value in {
        "quoted": "'abc'", "double-quoted": '"a\\x62c"', "number": "123", "quoted-number": "'123'", "float": "1.5", "point": ".5", "exponent": "1e3",
        "hex": "0x1F",
        "octal": "0777", "octal-1.2": "0o17", "no-octal": "08", "binary": "0b11", "grouped": "1_000", "sexagesimal": "1:30", "sexagesimal-float": "1:30.5",
        "date": "2020-01-02", "no-date": "2020-13-45", "time": "2020-01-02T03:04:05Z", "true": "true", "yes": "yes", "y": "y", "n": "N", "off": "off",
        "on-upper": "ON", "mixed-case": "yEs", "null": "null", "tilde": "~", "nothing": "", "empty": "''", "inf": ".inf", "nan": ".NaN", "plus": "+12",
        "minus": "-.inf", "big": "99999999999999999999", "huge": "1" + "0" * 400, "equals": "=", "less": "<<", "tag-str": "!!str 123", "tag-int": "!!int '12'",
        "tag-bad-int": "!!int abc", "tag-float": "!!float 1", "tag-bool": "!!bool yes", "tag-null": "!!null abc", "tag-own": "!own abc",
        "tag-exclamation": "! 123",
        "tag-binary": "!!binary YWJj", "tag-binary-bad": "!!binary '***'", "tag-binary-bytes": "!!binary /w==", "tag-timestamp": "!!timestamp 2020-01-02",
        "tag-python": "!!python/name:os.system abc", "tag-verbatim": "!<tag:yaml.org,2002:str> 123", "literal": "|\n  abc", "literal-stripped": "|-\n  abc",
        "folded-lines": "ab\n  c", "space": "a b", "trailing-space": "'abc '", "non-ascii": "aü", "list": "[abc]", "map": "{a: b}", "comma": "a,b",
        "at": "'@a'",
        "backtick": "`a", "percent": "%a", "hash": "a#b", "colon": "a:b", "question": "?a", "dash": "-a", "escape": '"a\\tb"', "newline-end": '"abc\\n"',
        "underscore": "_1", "zero": "0", "minus-zero": "-0", "dot": ".",
        "plus-alone": "+", "hex-bad": "0xZZ", "float-underscore": "1_0.5", "int-underscore-end": "1_", "leading-zero-float": "01.5", "hexfloat": ".0x1p2",
        "infinity": ".infinity",
    }.items()}  # fmt: skip
    made |= {f"skip-{name}": cluster(f"insecure-skip-tls-verify: {value}") for name, value in {
        "true": "true", "yes": "yes", "on": "on", "y": "y", "title": "True", "text": "'true'", "one": "1", "null": "", "false": "false", "odd": "tRue",
        "tag": "!!bool 'true'",
    }.items()}  # fmt: skip
    data = b64(ONE)
    padded = b64(ONE + b"\n" * ((-len(ONE) - 1) % 3))
    made |= {f"data-{name}": cluster(f"certificate-authority-data: {value}") for name, value in {
        "plain": data, "literal": "|" + lines(data, 2), "literal-76": "|" + lines(data, 2, 76), "folded": ">" + lines(data, 2), "plain-lines": lines(data, 2),
        "quoted-lines": f"'{lines(data, 2)}'", "escaped-newlines": '"' + data[:64] + "\\r\\n" + data[64:] + '\\n"',
        "continued": '"' + data[:64] + "\\\n  " + data[64:] + '"',
        "binary": f"!!binary {data}", "binary-literal": "!!binary |" + lines(data, 2), "binary-twice": f"!!binary {b64(data.encode())}",
        "binary-twice-lines": "!!binary |" + lines(b64(data.encode()), 2),
        "space": f"'{data[:64]} {data[64:]}'", "tab": f'"{data[:64]}\\t{data[64:]}"', "unpadded": padded.rstrip("="), "padded": padded,
        "url-safe": b64(ONE + b"\xff\xff\xfe").replace("/", "_").replace("+", "-"),
        "more-after": f"{padded}AAAA", "pem-itself": "|" + "".join(f"\n  {line}" for line in ONE.decode().splitlines()), "no-base64": "'***'",
        "one-letter": "A", "empty": "''",
        "null": "", "number": "1234", "list": "[1, 2]", "map": "{}", "true": "true", "not-pem": b64(b"hello"), "two": b64(ONE + TWO),
        "non-ascii-comment": b64("# Zürich\n".encode() + ONE), "spaces-only": "'   '",
        "newlines-only": '"\\n\\n"', "nul": '"\\0"', "bits-left": "TQ==" , "bits-wrong": "TR==",
    }.items()}  # fmt: skip
    return made


def _lists() -> dict[str, Case]:
    """Sections, names and contexts."""
    rest = "users:\n- name: u\n  user: {token: abc}\ncontexts:\n- name: x\n  context: {cluster: c, user: u}\ncurrent-context: x\n"
    named = {name: case(text(context=f"{{cluster: {value}, user: u}}").replace("- name: c\n", f"- name: {value}\n")) for name, value in {
        "number": "12", "quoted": "'12'", "yes": "yes", "y": "y", "unicode": "Zürich", "spaces": "a b", "arn": "arn:aws:eks:eu-central-1:1:cluster/c",
        "at": "u@c", "null": "~",
        "date": "2020-01-02", "sexagesimal": "1:30", "empty": "''", "escape": '"\\e[31mc"', "newline": '"a\\nb"', "long": "n" * 4000,
    }.items()}  # fmt: skip
    made = {f"name-{name}": made for name, made in named.items()}
    made |= {
        "cluster-twice": case("clusters:\n- name: c\n  cluster: {server: 'https://one'}\n- name: c\n  cluster: {server: 'https://two'}\n" + rest),
        "cluster-twice-alike": case("clusters:\n- name: c\n  cluster: {server: 'https://one'}\n- name: c\n  cluster: {server: 'https://one'}\n" + rest),
        "other-cluster-twice": case("clusters:\n- name: c\n  cluster: {server: 'https://one'}\n- name: d\n- name: d\n" + rest),
        "user-twice": case(text(tail="current-context: x\n").replace("contexts:", "- name: u\n  user: {token: def}\ncontexts:")),
        "context-twice": case(text(tail="- name: x\n  context: {cluster: c, user: u}\ncurrent-context: x\n")),
        "unnamed-entries": case("clusters:\n- cluster: {server: 'https://one'}\n- name: c\n  cluster: {server: 'https://two'}\n" + rest),
        "unnamed-twice": case("clusters:\n- cluster: {server: 'https://one'}\n- name: c\n  cluster: {server: 'https://two'}\n- cluster: {}\n" + rest),
        "null-entry": case("clusters:\n-\n- name: c\n  cluster: {server: 'https://two'}\n" + rest),
        "word-entry": case("clusters:\n- word\n- name: c\n  cluster: {server: 'https://two'}\n" + rest),
        "list-entry": case("clusters:\n- [a]\n- name: c\n  cluster: {server: 'https://two'}\n" + rest),
        "clusters-null": case("clusters:\n" + rest), "clusters-missing": case(rest), "clusters-empty": case("clusters: []\n" + rest),
        "clusters-map": case("clusters: {c: {server: 'https://one'}}\n" + rest), "clusters-number": case("clusters: 7\n" + rest),
        "clusters-text": case("clusters: ''\n" + rest),
        "cluster-null": case("clusters: [{name: c, cluster: }]\n" + rest), "cluster-empty": case("clusters: [{name: c, cluster: {}}]\n" + rest),
        "cluster-missing": case("clusters: [{name: c}]\n" + rest), "cluster-word": case("clusters: [{name: c, cluster: word}]\n" + rest),
        "cluster-without-server": case("clusters: [{name: c, cluster: {tls-server-name: named}}]\n" + rest),
        "other-cluster-broken": case("clusters:\n- name: c\n  cluster: {server: 'https://one'}\n- name: d\n  cluster: {server: 7}\n" + rest),
        "other-cluster-unusable": case("clusters:\n- name: c\n  cluster: {server: 'https://one'}\n- name: d\n  cluster: {certificate-authority: a}\n" + rest),
        "users-null": case(text().replace("users:\n- name: u\n  user:\n    token: abc\n", "users:\n")),
        "user-null": case(text().replace("  user:\n    token: abc\n", "  user:\n")),
        "user-missing": case(text().replace("  user:\n    token: abc\n", "")), "user-list": case(text().replace("  user:\n    token: abc\n", "  user: []\n")),
        "contexts-null": case(text().replace("- name: x\n  context: {cluster: c, user: u}\n", "")),
        "contexts-map": case(text().replace("- name: x\n  context: {cluster: c, user: u}\n", "  x: {}\n")),
        "context-null": case(text(context="")), "context-word": case(text(context="word")), "context-of-no-user": case(text(context="{cluster: c}")),
        "context-of-empty-user": case(text(context="{cluster: c, user: ''}")), "context-of-unknown-user": case(text(context="{cluster: c, user: v}")),
        "context-of-no-cluster": case(text(context="{user: u}")), "context-of-unknown-cluster": case(text(context="{cluster: d, user: u}")),
        "context-namespace": case(text(context="{cluster: c, user: u, namespace: web}")),
        "context-namespace-wrong": case(text(context="{cluster: c, user: u, namespace: Web_1}")),
        "context-namespace-number": case(text(context="{cluster: c, user: u, namespace: 1}")),
        "context-namespace-long": case(text(context=f"{{cluster: c, user: u, namespace: {'a' * 64}}}")),
        "context-namespace-null": case(text(context="{cluster: c, user: u, namespace: }")),
        "context-extensions": case(text(context="{cluster: c, user: u, extensions: [{name: a, extension: 1}]}")),
        "context-chosen": case(text(tail="- name: z\n  context: {cluster: c, user: v}\ncurrent-context: z\n"), context="x"),
        "context-chosen-unknown": case(text(), context="z"),
        "context-chosen-without-current": case(text(tail=""), context="x"), "current-missing": case(text(tail="")),
        "current-null": case(text(tail="current-context:\n")),
        "current-unknown": case(text(tail="current-context: z\n")), "current-number": case(text(tail="current-context: 1\n")),
        "current-list": case(text(tail="current-context: [x]\n")),
        "current-unknown-and-one-chosen": case(text(tail="current-context: z\n"), context="x"),
    }  # fmt: skip
    return made


def _files() -> dict[str, Case]:
    """Lists of files, and paths in them."""
    second = text("certificate-authority: ca", "tokenFile: token", server="server: https://second", tail="current-context: z\n").replace("name: x", "name: z")
    only_user = "users:\n- name: u\n  user: {token: def}\n"
    return {
        "two-files": case(text(), "config:two", two=second), "two-files-reversed": case(text(), "two:config", two=second, ca=ONE, token="t"),
        "two-files-second-context": case(text(), "config:two", "z", two=second, ca=ONE, token="t"),
        "entries-are-whole": case(text(user=""), "config:two", two=only_user),
        "user-of-another-file": case(text().replace("name: u\n", "name: other\n"), "config:two", two=only_user),
        "current-of-the-second": case(text(tail=""), "config:two", two="current-context: x\n"),
        "current-empty-in-the-first": case(text(tail="current-context: ''\n"), "config:two", two="current-context: x\n"),
        "current-of-the-first": case(text(), "config:two", two="current-context: z\n"), "a-file-missing": case(text(), "gone:config:gone2"),
        "all-missing": case(text(), "gone:gone2"),
        "empty-parts": case(text(), "::config::"), "same-twice": case(text(), "config:config"), "same-by-two-names": case(text(), "config:./config"),
        "second-broken": case(text(), "config:two", two="a: ["), "second-empty": case(text(), "config:two", two=""),
        "second-comment": case(text(), "config:two", two="# x\n"),
        "second-of-another-kind": case(text(), "config:two", two="kind: Pod\n"), "second-with-wrong-types": case(text(), "config:two", two="clusters: 7\n"),
        "second-is-a-folder": case(text(), "config:folder", folders=("folder",)), "missing-behind-a-file": case(text(), "config:config/none"),
        "value-empty": case(text(), ""),
        "name-with-space": Case({"my config": text().encode()}, "my config"), "name-with-tilde": Case({"~": text().encode()}, "~"),
        "space-around": case(text(), " config"),
        "in-a-folder": Case({"etc/config": text("certificate-authority: ca").encode(), "etc/ca": ONE, "ca": TWO}, "etc/config"),
        "in-two-folders": Case({"a/config": text("certificate-authority: ca").encode(), "a/ca": ONE, "b/config": b"users: []", "b/ca": TWO},
                                "b/config:a/config"),
        "through-a-link": Case({"etc/config": text("certificate-authority: ca").encode(), "etc/ca": ONE, "ca": TWO, "config": b"->etc/config"}, "config"),
        "in-a-linked-folder": Case({"etc/k/config": text("certificate-authority: ../ca").encode(), "etc/ca": ONE, "ca": TWO, "k": b"->etc/k"}, "k/config"),
        "path-up": Case({"etc/config": text("certificate-authority: ../ca").encode(), "ca": TWO}, "etc/config"),
        "path-tilde": case(text("certificate-authority: ~/ca"), ca=ONE),
        "path-tilde-folder": Case({"config": text("certificate-authority: ~/ca").encode(), "~/ca": ONE}),
        "path-variable": case(text("certificate-authority: $HOME/ca"), ca=ONE),
        "path-dot": case(text("certificate-authority: ./ca"), ca=ONE), "path-number": case(text("certificate-authority: 1")),
        "path-nul": case(text('certificate-authority: "a\\0b"')),
        "path-space": Case({"config": text("certificate-authority: my ca").encode(), "my ca": ONE}),
        "path-non-ascii": Case({"config": text("certificate-authority: Zürich").encode(), "Zürich": ONE}),
        "path-long": case(text(f"certificate-authority: {'a' * 5000}")), "path-empty": case(text("certificate-authority: ''")),
        "path-null": case(text("certificate-authority:")),
    }  # fmt: skip


def _authorities() -> dict[str, Case]:
    """Files of authorities."""
    bad = ONE.replace(b"MII", b"AAA", 1)
    body = b"".join(ONE.splitlines(keepends=True)[1:-1])
    made = {f"ca-{name}": authority(data) for name, data in {
        "file": ONE, "two": ONE + TWO, "crlf": ONE.replace(b"\n", b"\r\n"), "no-final-newline": ONE.rstrip(),
        "comment": b"# the authority\n" + ONE + b"\n# end\n",
        "non-ascii-comment": "# Zertifizierungsstelle Zürich\n".encode() + ONE, "latin-1-comment": "# Zürich\n".encode("latin-1") + ONE + TWO,
        "bom": b"\xef\xbb\xbf" + ONE,
        "bom-and-comment": b"\xef\xbb\xbf# x\n" + ONE, "indented": b"".join(b"  " + line for line in ONE.splitlines(keepends=True)),
        "trailing-spaces": ONE.replace(b"\n", b"  \n"), "text-on-the-line": b"ca: " + ONE,
        "one-line": b"-----BEGIN CERTIFICATE-----\n" + body.replace(b"\n", b"") + b"\n-----END CERTIFICATE-----\n", "blank-lines": ONE.replace(b"\n", b"\n\n"),
        "bad-first": bad + TWO, "bad-last": ONE + bad, "bad-alone": bad,
        "cut": ONE[:200], "cut-behind-a-good-one": TWO + ONE[:200], "trusted": ONE.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
        "x509": ONE.replace(b"CERTIFICATE", b"X509 CERTIFICATE"),
        "headers": ONE.replace(b"-----\n", b"-----\nProc-Type: 4\n\n", 1),
        "headers-and-a-good-one": ONE.replace(b"-----\n", b"-----\nProc-Type: 4\n\n", 1) + TWO, "with-key": KEY + ONE, "key-alone": KEY,
        "lower-case": ONE.lower(),
        "ends-differ": ONE.replace(b"END CERTIFICATE", b"END KEY") + TWO, "empty": b"", "space": b"\n", "text": b"hello\n", "der": base64.b64decode(body),
        "same-twice": ONE + ONE,
        "openssl-text": b"Certificate:\n    Data:\n        Version: 3 (0x2)\n        Issuer: CN=\xc3\xbc\n" + ONE, "nul": ONE + b"\0",
        "no-base64": ONE.replace(body[:10], b"**********"), "utf-16": ONE.decode().encode("utf-16"),
        "begin-alone": b"-----BEGIN CERTIFICATE-----\n" + ONE, "dashes-before": b"-----\n" + ONE, "leaf-alone": CLIENT,
    }.items()}  # fmt: skip
    return made | {
        "ca-missing": case(text("certificate-authority: gone")), "ca-folder": case(text("certificate-authority: folder"), folders=("folder",)),
        "ca-both": case(text(f"certificate-authority: ca\ncertificate-authority-data: {b64(ONE)}"), ca=TWO), "ca-none": case(text("tls-server-name: named")),
        "ca-both-file-missing": case(text(f"certificate-authority: gone\ncertificate-authority-data: {b64(ONE)}")),
        "skip-and-ca": case(text("insecure-skip-tls-verify: true\ncertificate-authority: ca"), ca=ONE),
        "skip-and-name": case(text("insecure-skip-tls-verify: true\ntls-server-name: named")),
        "skip-and-data": case(text(f"insecure-skip-tls-verify: true\ncertificate-authority-data: {b64(ONE)}")),
        "skip-and-empty-ca": case(text("insecure-skip-tls-verify: true\ncertificate-authority: ca"), ca=""),
        "skip-and-empty-data": case(text("insecure-skip-tls-verify: true\ncertificate-authority-data: ''")),
        "tls-name": case(text("tls-server-name: other.example")), "tls-name-address": case(text("tls-server-name: 10.0.0.1")),
        "tls-name-number": case(text("tls-server-name: 1")), "tls-name-null": case(text("tls-server-name:")),
        "tls-name-upper": case(text("tls-server-name: Other.Example")), "tls-name-dot": case(text("tls-server-name: other.example.")),
    }  # fmt: skip


def _clients() -> dict[str, Case]:
    """Client certificates and their keys."""
    crt, key = b64(CLIENT), b64(KEY)
    wrong = HERE.joinpath("other-key.pem").read_bytes()
    return {f"client-{name}": made for name, made in {
        "files": client(), "data": user(f"client-certificate-data: {crt}\nclient-key-data: {key}"),
        "data-and-file": user(f"client-certificate-data: {crt}\nclient-key: key", key=KEY),
        "data-lines": user(f"client-certificate-data: |{lines(crt, 2)}\nclient-key-data: |{lines(key, 2)}"),
        "one-file": client(KEY + CLIENT, b"", "client-certificate: crt\nclient-key: crt"),
        "chain": client(CLIENT + ONE), "comments": client("# Zürich\n".encode() + CLIENT, "# Schlüssel\n".encode() + KEY),
        "crlf": client(CLIENT.replace(b"\n", b"\r\n"), KEY.replace(b"\n", b"\r\n")),
        "certificate-in-the-key": client(CLIENT, ONE + KEY), "key-in-the-certificate": client(CLIENT + KEY, KEY), "key-twice": client(CLIENT, KEY + wrong),
        "wrong-key-first": client(CLIENT, wrong + KEY),
        "wrong-key": client(CLIENT, wrong), "key-missing": user("client-certificate: crt", crt=CLIENT),
        "certificate-missing": user("client-key: key\ntoken: abc", key=KEY),
        "key-alone": user("client-key: key", key=KEY), "key-file-gone": user("client-certificate: crt\nclient-key: key", crt=CLIENT),
        "certificate-gone": user("client-certificate: crt\nclient-key: key", key=KEY),
        "key-gone-without-certificate": user("client-key: gone\ntoken: abc"),
        "both-forms": user(f"client-certificate: crt\nclient-certificate-data: {crt}\nclient-key: key", crt=CLIENT, key=KEY),
        "both-keys": user(f"client-certificate: crt\nclient-key: key\nclient-key-data: {key}", crt=CLIENT, key=KEY), "empty": client(b"", KEY),
        "key-empty": client(CLIENT, b""), "text": client(b"hello", KEY),
        "bad-behind": client(CLIENT + ONE.replace(b"MII", b"AAA", 1)),
        "key-parameters": client(CLIENT, b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + KEY),
        "encrypted": client(CLIENT, HERE.joinpath("encrypted-key.pem").read_bytes()),
        "and-token": user(f"client-certificate-data: {crt}\nclient-key-data: {key}\ntoken: abc"),
        "no-base64": user(f"client-certificate-data: '*'\nclient-key-data: {key}"),
        "key-no-base64": user(f"client-certificate-data: {crt}\nclient-key-data: '*'\ntoken: abc"),
        "pkcs8": client(CLIENT, HERE.joinpath("pkcs8-key.pem").read_bytes()), "is-the-authority": client(ONE, KEY),
        "and-basic": user(f"client-certificate-data: {crt}\nclient-key-data: {key}\nusername: a\npassword: b"),
        "key-unused-no-base64": user("client-key-data: '*'\ntoken: abc"),
    }.items()}  # fmt: skip


def _servers() -> dict[str, Case]:
    """Addresses of clusters."""
    made = {f"server-{name}": server(f"server: {url}") for name, url in {
        "plain": "https://h", "port": "https://h:443", "path": "https://h/k8s/clusters/c-1", "slash": "https://h/", "path-slash": "https://h/a/",
        "path-slashes": "https://h/a//b//", "only-slashes": "https://h//",
        "path-escaped": "https://h/a%2Fb", "path-space": "https://h/a b", "path-non-ascii": "https://h/ü", "path-dots": "https://h/a/../b",
        "path-bad-escape": "https://h/%zz", "query": "https://h?a=b", "path-query": "https://h/a?b=c",
        "fragment": "'https://h#a'", "path-fragment": "'https://h/a#b'", "user": "https://a:b@h", "user-alone": "https://a@h", "upper-scheme": "HTTPS://h",
        "upper-host": "https://H.Example", "http": "http://h", "http-port": "http://h:8080",
        "no-scheme": "h", "no-scheme-port": "h:6443", "no-scheme-path": "h/a", "no-scheme-address": "10.0.0.1", "no-scheme-slash": "h:6443/",
        "ipv4": "https://10.0.0.1:6443", "ipv6": "https://[::1]:6443", "ipv6-bare": "https://::1", "ipv6-no-port": "https://[::1]",
        "ipv6-zone": "'https://[fe80::1%25eth0]:6443'", "ipv6-zone-raw": "'https://[fe80::1%eth0]:6443'", "port-empty": "'https://h:'",
        "port-zero": "https://h:0", "port-big": "https://h:99999", "port-text": "https://h:abc", "port-negative": "https://h:-1",
        "space-before": "' https://h'", "space-after": "'https://h '", "space-in-host": "https://a b", "newline": '"https://h\\n"', "tab": '"https://h\\t"',
        "no-host": "'https:///a'", "one-slash": "https:/h", "no-slash": "'https:h'", "scheme-alone": "'https://'",
        "other-scheme": "ftp://h", "unix": "unix:///run/x", "idn": "https://zürich.example", "punycode": "https://xn--zrich-kva.example",
        "underscore": "https://a_b", "dot": "https://h.", "two-dots": "https://a..b", "backslash": "'https://h\\a'", "empty": "''",
        "null": "", "number": "6443", "list": "[https://h]", "percent-host": "'https://h%41'", "bracket": "'https://[h'", "at": "'https://@h'",
        "semicolon": "'https://h/a;b'", "star": "'https://*.h'", "quote": "\"https://h/'a\"", "brackets-path": "'https://h/[a]{b}'",
        "long": f"https://{'a' * 70}.example", "path-long": f"https://h/{'a' * 3000}", "no-scheme-user": "'a@h'", "plus-port": "https://h:+443",
        "unicode-port": "'https://h:٤٤٣'", "underscore-port": "https://h:4_43", "scheme-relative": "//h", "path-only": "/a",
    }.items()}  # fmt: skip
    return made | {
        "server-missing": case(text(server=None)), "server-no-scheme-no-tls": case(text("disable-compression: true", server="server: h:8080")),
        "server-no-scheme-skip": case(text("insecure-skip-tls-verify: true", server="server: h:8080")),
        "server-no-scheme-client": case(text("", f"client-certificate-data: {b64(CLIENT)}\nclient-key-data: {b64(KEY)}", server="server: h:8080")),
        "server-http-and-ca": case(text(server="server: http://h")),
        "compression": cluster("disable-compression: true"), "compression-text": cluster("disable-compression: 'true'"),
    }  # fmt: skip


def _proxies() -> dict[str, Case]:
    return {f"proxy-{name}": cluster(f"proxy-url: {url}") for name, url in {
        "http": "http://p:3128", "https": "https://p:3129", "socks5": "socks5://p:1080", "socks5h": "socks5h://p:1080", "socks4": "socks4://p",
        "no-scheme": "p:3128", "no-scheme-host": "p", "ftp": "ftp://p", "no-port": "http://p", "user": "http://a:b@p:3128",
        "user-escaped": "http://a%40b:c%3Ad@p:3128", "user-alone": "http://a@p", "socks5-user": "socks5://a:b@p:1080", "path": "http://p:3128/a",
        "slash": "http://p:3128/", "query": "http://p:3128?a=b", "empty": "''", "null": "", "upper": "HTTP://p:3128", "ipv6": "'http://[::1]:3128'",
        "space": "'http://p:3128 '", "no-host": "'http://'", "number": "3128", "port-big": "http://p:99999", "port-text": "http://p:abc",
        "bad-escape": "http://a%zz:b@p", "idn": "http://zürich.example:3128", "socks5-no-port": "socks5://p", "https-no-port": "https://p",
    }.items()}  # fmt: skip


def _users() -> dict[str, Case]:
    """Tokens, passwords and the users that are acted as."""
    return {
        "file": user("tokenFile: token", token="t-1"), "file-newline": user("tokenFile: token", token="t-1\n"),
        "file-spaces": user("tokenFile: token", token=" t-1 \n\n"), "file-missing": user("tokenFile: token"), "file-empty": user("tokenFile: token", token=""),
        "file-blank": user("tokenFile: token", token="\n"), "file-two-lines": user("tokenFile: token", token="t-1\nt-2\n"),
        "file-non-ascii": user("tokenFile: token", token="tü"), "file-crlf": user("tokenFile: token", token="t-1\r\n"),
        "file-bom": user("tokenFile: token", token="\ufefft-1"),
        "file-and-token": user("tokenFile: token\ntoken: abc", token="t-1"), "file-missing-and-token": user("tokenFile: token\ntoken: abc"),
        "file-empty-and-token": user("tokenFile: token\ntoken: abc", token=""), "file-folder": case(text(user="tokenFile: folder"), folders=("folder",)),
        "file-null": user("tokenFile:\ntoken: abc"), "file-nbsp": user("tokenFile: token", token="\u00a0t-1\u00a0"),
        "file-nul": user("tokenFile: token", token="t\0"), "token-of-file-case": user("token-file: token\ntoken: abc", token="t-1"),
        "basic": user("username: a\npassword: b"), "basic-no-password": user("username: a"), "basic-no-name": user("password: b"),
        "basic-colon": user("username: 'a:b'\npassword: c"), "basic-non-ascii": user("username: ü\npassword: ß"),
        "basic-number": user("username: a\npassword: 1234"),
        "basic-null": user("username:\npassword:\ntoken: abc"), "basic-and-token": user("username: a\npassword: b\ntoken: abc"),
        "basic-and-file": user("username: a\npassword: b\ntokenFile: token", token="t-1"),
        "basic-and-missing-file": user("username: a\npassword: b\ntokenFile: token"),
        "basic-newline": user('username: a\npassword: "b\\n"'), "none": user("extensions: []"), "provider": user("auth-provider: {name: oidc, config: {a: b}}"),
        "provider-null": user("auth-provider:\ntoken: abc"), "provider-and-token": user("auth-provider: {name: gcp}\ntoken: abc"),
        "provider-empty": user("auth-provider: {}\ntoken: abc"), "provider-number": user("auth-provider: {name: gcp, config: {a: 1}}"),
        "as": user("token: abc\nas: jane"),
        "as-all": user("token: abc\nas: jane\nas-uid: '7'\nas-groups: [b, a]\nas-user-extra: {Scope: [x, y], 'a/B%': ['ü']}"),
        "as-null": user("token: abc\nas:\nas-groups:\nas-user-extra:\nas-uid:"), "as-empty": user("token: abc\nas: ''\nas-groups: []\nas-user-extra: {}"),
        "as-number": user("token: abc\nas: 7"), "as-groups-alone": user("token: abc\nas-groups: [a]"), "as-uid-alone": user("token: abc\nas-uid: a"),
        "as-extra-alone": user("token: abc\nas-user-extra: {a: [b]}"), "as-extra-of-nothing": user("token: abc\nas-user-extra: {a: []}"),
        "as-groups-word": user("token: abc\nas: jane\nas-groups: a"), "as-groups-null-item": user("token: abc\nas: jane\nas-groups: [null, a]"),
        "as-groups-number": user("token: abc\nas: jane\nas-groups: [1]"), "as-extra-null": user("token: abc\nas: jane\nas-user-extra: {a: }"),
        "as-extra-word": user("token: abc\nas: jane\nas-user-extra: {a: b}"), "as-extra-empty": user("token: abc\nas: jane\nas-user-extra: {a: []}"),
        "as-extra-number-key": user("token: abc\nas: jane\nas-user-extra: {1: [b]}"), "as-non-ascii": user("token: abc\nas: jürg"),
        "as-newline": user('token: abc\nas: "a\\nb"'), "as-tab": user('token: abc\nas: "a\\tb"'), "as-space": user("token: abc\nas: 'a b'"),
        "as-extra-space-key": user("token: abc\nas: jane\nas-user-extra: {'a b': [c]}"),
        "as-extra-key-non-ascii": user("token: abc\nas: jane\nas-user-extra: {ü: [c]}"),
        "as-extra-key-empty": user("token: abc\nas: jane\nas-user-extra: {'': [c]}"), "as-trailing-space": user("token: abc\nas: 'a '"),
        "as-nbsp": user('token: abc\nas: "a\\u00a0b"'), "as-group-empty": user("token: abc\nas: jane\nas-groups: ['']"), "as-alone": user("as: jane"),
        "as-extra-two-keys-alike": user("token: abc\nas: jane\nas-user-extra: {a: [b], A: [c]}"),
    }  # fmt: skip


def _plugins() -> dict[str, Case]:
    """Exec plugins, which are run."""
    info = "provideClusterInfo: true"
    asked = "extensions:\n- name: client.authentication.k8s.io/exec\n  extension:"
    made = {f"exec-{name}": made for name, made in {
        "plain": plugin(), "arguments": plugin("args: [a, 'b c', --d=e]"), "args-null": plugin("args:"), "args-null-item": plugin("args: [null, a]"),
        "args-number": plugin("args: [1]"), "args-word": plugin("args: a"), "env": plugin("env: [{name: GIVEN, value: 'v w'}]"),
        "env-twice": plugin("env: [{name: GIVEN, value: a}, {name: GIVEN, value: b}]"), "env-null": plugin("env:"),
        "env-null-value": plugin("env: [{name: GIVEN, value: }]"), "env-no-value": plugin("env: [{name: GIVEN}]"), "env-null-item": plugin("env: [null]"),
        "env-no-name": plugin("env: [{value: a}]"), "env-number": plugin("env: [{name: GIVEN, value: 1}]"),
        "env-true": plugin("env: [{name: GIVEN, value: true}]"), "env-map": plugin("env: {GIVEN: a}"),
        "env-info": plugin("env: [{name: KUBERNETES_EXEC_INFO, value: mine}]"),
        "env-newline": plugin('env: [{name: GIVEN, value: "a\\nb"}]'), "env-equals": plugin("env: [{name: 'GIVEN=x', value: a}]"),
        "env-nul": plugin('env: [{name: GIVEN, value: "a\\0b"}]'), "env-non-ascii": plugin("env: [{name: GIVEN, value: ü}]"),
        "v1beta1": plugin("env: [{name: VERSION, value: client.authentication.k8s.io/v1beta1}]", version=V1BETA1, mode=""),
        "v1beta1-info": plugin(f"{info}\nenv: [{{name: VERSION, value: {V1BETA1}}}]", version=V1BETA1, mode=""),
        "answers-in-another-version": plugin(version=V1BETA1), "v1alpha1": plugin(version="client.authentication.k8s.io/v1alpha1"),
        "version-missing": plugin(version=""), "version-unknown": plugin(version="v1"), "mode-missing": plugin(mode=""),
        "mode-null": plugin(mode="interactiveMode:"),
        "mode-if-available": plugin(mode="interactiveMode: IfAvailable"), "mode-always": plugin(mode="interactiveMode: Always"),
        "mode-unknown": plugin(mode="interactiveMode: never"), "mode-number": plugin(mode="interactiveMode: 1"), "info": plugin(info),
        "info-text": plugin("provideClusterInfo: 'true'"),
        "info-null": plugin("provideClusterInfo:"), "info-file": plugin(info, of="certificate-authority: ca", ca=ONE.decode()),
        "info-skip": plugin(info, of="insecure-skip-tls-verify: true\ntls-server-name: named"), "info-proxy": plugin(info, of="proxy-url: http://a:b@p:3128/"),
        "info-none": plugin(info, of="disable-compression: true"), "info-comment": plugin(info, of="certificate-authority: ca", ca="# Zürich\n" + ONE.decode()),
        "info-lines": plugin(info, of="certificate-authority-data: |" + lines(b64(ONE), 2)),
        "info-config": plugin(info, of=f"{asked} {{audience: a, f: 1.5, z: 1.0, big: 12345678901234567890, l: [null, true, 'ü', yes], d: 2020-01-02, 1: 2}}"),
        "info-config-word": plugin(info, of=f"{asked} word"),
        "info-config-null": plugin(info, of=asked),
        "info-config-missing": plugin(info, of="extensions:\n- name: client.authentication.k8s.io/exec"),
        "info-config-list": plugin(info, of=f"{asked} [1]"),
        "info-config-nan": plugin(info, of=f"{asked} {{a: .nan}}"),
        "info-config-binary": plugin(info, of=f"{asked} {{a: !!binary /w==}}"),
        "config-not-asked-for": plugin(of=f"{asked} {{a: b}}"),
        "info-path": case(text(user=run("./plugin", ", provideClusterInfo: true"), server="server: https://h/a/?q=1"), plugin=PLUGIN),
        "info-no-scheme": case(text(user=run("./plugin", ", provideClusterInfo: true"), server="server: h:6443"), plugin=PLUGIN),
        "command-missing": user(f"exec: {{apiVersion: {V1}, interactiveMode: Never}}"),
        "command-empty": user(run("''")),
        "command-number": user(run("1")),
        "command-gone": user(f"exec: {{apiVersion: {V1}, command: ./gone, interactiveMode: Never, installHint: get it}}"),
        "command-in-the-path": user(f"exec: {{apiVersion: {V1}, command: sh, args: [./plugin-of-no-folder], interactiveMode: Never}}"),
        "command-beside-without-slash": user(run("plugin"), plugin=PLUGIN),
        "command-list": user(run("[./plugin]")), "null": user("exec:\ntoken: abc"),
        "empty": user("exec: {}"), "empty-and-token": user("exec: {}\ntoken: abc"), "word": user("exec: word"), "list": user("exec: []"),
        "and-token": case(text(user="token: abc\n" + run("./gone"))),
        "and-file": case(text(user="tokenFile: token\n" + run("./gone")), token="t-1"),
        "and-basic": case(text(user="username: a\npassword: b\n" + run("./gone"))),
        "and-client": user("client-certificate: crt\nclient-key: key\n" + run("./gone"), crt=CLIENT, key=KEY),
        "and-provider": user(f"auth-provider: {{name: a}}\nexec: {{apiVersion: {V1}, command: ./gone, interactiveMode: Never}}"),
        "and-token-wrong": user(f"token: abc\nexec: {{apiVersion: {V1}, interactiveMode: Never}}"),
        "hint-number": plugin("installHint: 1"), "hint": plugin('installHint: "a\\e[1mb"'),
        "in-a-folder": Case({"etc/config": text(user=run("../bin/plugin")).encode(), "bin/plugin": PLUGIN.encode()}, "etc/config"),
        "through-a-link": Case({"etc/config": text(user=run("./plugin")).encode(), "etc/plugin": b"#!/bin/sh\nexit 7\n",
                               "plugin": PLUGIN.encode(), "config": b"->etc/config"}, "config"),
    }.items()}  # fmt: skip
    made["exec-and-as"] = case(text(user="as: jane\n" + run("./plugin")), plugin=PLUGIN)
    return made


def answers() -> dict[str, dict[str, Any]]:
    """The way in which client-go reads each case."""
    found: dict[str, dict[str, Any]] = json.loads(HERE.joinpath("answers.json").read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    for name, one in cases():
        Case({**one.files, "KUBECONFIG": one.value.encode(), "CONTEXT": one.context.encode(), "DIGEST": one.digest.encode()}).write(Path(sys.argv[1]) / name)
        for folder in one.folders:
            Path(sys.argv[1], name, folder).mkdir()
