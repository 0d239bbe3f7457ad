"""More forms of secrets in text, each masked whole and in pieces; and what looks like one and is none."""

from base64 import b64encode
from time import process_time
from typing import Final

import pytest

from jitui.recording.frame import Channel
from jitui.recording.masking.spans import masked
from jitui.recording.masking.text import Text
from tests.recording.masking.forms import leaks, shown, stream

PASSWORD: Final = "c0rrect&horse'b4ttery-$taple"
PLAIN: Final = "c0rrect-horse-b4ttery"
ENCODED: Final = b64encode(PLAIN.encode()).decode()
LINES: Final = [b64encode(bytes(range(at, at + 48))).decode() for at in range(3, 200, 16)]
PEM: Final = ["-----BEGIN EC PRIVATE KEY-----", *LINES, "AbCd==", "-----END EC PRIVATE KEY-----"]
JWT: Final = f"eyJhbGciOiJSUzI1NiIs.eyJ{'Zq9' * 60}.{'x7Y' * 60}"

SAID: Final = [
    *((f"{before}{PASSWORD}\nMODE=fast\n", [PASSWORD]) for before in ("DB_PASSWORD=", "password: ", "  db-password:  ", "PGPASSWORD=", "dbpass=")),
    ("password: |\n  first line of it\n  second line of it\nmode: fast\n", ["first line of it", "second line of it"]),
    ("- password: >-\n    folded line of it\n  mode: fast\n", ["folded line of it"]),
    ("DB_PASSWORD=$ecret9-and-more\n", ["$ecret9-and-more"]),
    (f"postgres://app:Ab1@{PLAIN}@db:5432/app\n", [PLAIN]),
    (f"<server><password>{PLAIN}</password></server>\n", [PLAIN]),
    (f'<add key="password" value="{PLAIN}"/>\n', [PLAIN]),
    (f"| password | {PLAIN} |\n", [PLAIN]),
    (f"ALTER USER app PASSWORD '{PLAIN}';\n", [PLAIN]),
    (f"CREATE USER app IDENTIFIED BY '{PLAIN}';\n", [PLAIN]),
    (f"Server=db;User Id=sa;Pwd={PLAIN};Database=x\n", [PLAIN]),
    *((f"{name}={PLAIN}\n", [PLAIN]) for name in ("encryption_key", "SIGNING_KEY", "master-key", "CREDENTIALS", "PresharedKey")),
    (f"curl -s -u admin:{PLAIN} https://registry/v2/\n", [PLAIN]),
    (f"curl --user=admin:{PLAIN} https://registry/v2/\n", [PLAIN]),
    (f"mysqldump -h db -u root -p{PLAIN} shop\n", [PLAIN]),
    (f"sshpass -p {PLAIN} ssh db\n", [PLAIN]),
    (f"redis-cli -h db -a {PLAIN} ping\n", [PLAIN]),
    (f"kubectl create secret generic db --from-literal=a={PLAIN}\n", [PLAIN]),
    (f"Cookie: session={PLAIN}; lang=en\r\n", [PLAIN]),
    (f"\n\x0bDB_PASSWORD\x12{chr(len(PLAIN))}{PLAIN}\n\x04MODE\x12\x04fast", [PLAIN]),
    *(("".join(f"{led}{line}{end}" for line in PEM), LINES) for led, end in (
        ("+", "\n"), ("> ", "\r\n"), ("2026-01-01T00:00:00.000000000Z ", "\n"), ("[pod/web-0/app] ", "\n"), ("", "$\n"))),
    ("".join(f"{at:6}\t{line}\n" for at, line in enumerate(PEM)), LINES),
    ("".join(f"{at}:{line}\r\n" for at, line in enumerate(PEM)), LINES),
    ("\n".join(PEM).replace("-----", "----").replace("BEGIN EC", " BEGIN SSH2 ENCRYPTED").replace("KEY", "KEY "), LINES),
    *((f"blob: {(whole := b64encode((ahead + chr(10).join(PEM)).encode()).decode())}\n", [whole[60:]]) for ahead in ("key: ", "a: k: ", "more: ")),
    (f"{JWT[:90]}\x1b]8;;https://a\x07{JWT[90:]}\x1b]8;;\x1b\\ done\n", [JWT[:90], JWT[90:]]),
    (f"\x1b]0;mysql -p{PLAIN}\x07$ \n", [PLAIN]),
    (f"eyJhbGciOiJkaXIiLCJlbmMi..AxY8DCtDaGlsbGlj.{'Zq9' * 40}.{'x7Y' * 7}\n", ["Zq9" * 40]),
    (f"apiVersion: v1\nkind: Secret\ndata: {{a: {ENCODED}, b: {ENCODED}}}\n", [ENCODED]),
    (f"{{apiVersion: v1, kind: Secret, data: {{a: {ENCODED}}}}}\n", [ENCODED]),
    (f"{{'kind': 'Secret', 'data': {{'a': '{ENCODED}'}}}}\n", [ENCODED]),
    *((f"apiVersion: v1\nkind: Secret\n{name}\n  a: {PLAIN}\n# a comment\n  b: {PLAIN}\ntype: Opaque\n", [PLAIN])
      for name in ("'stringData':", '"stringData":', "stringData: &x", "stringData: # of it")),
    (f'{{"apiVersion":"v1","data":{{"a":"{ENCODED}"}},"immutable":true,"kind":"Secret"}}\n', [ENCODED]),
    *((f"{token}\n", [token[-16:]]) for token in (f"AIza{JWT[-36:]}", f"npm_{JWT[-36:]}", f"sk-ant-{JWT[-60:]}", f"sk_live_{JWT[-27:]}", f"ghu_{JWT[-36:]}")),
]  # fmt: skip

ORDINARY: Final = r"""
password:  12 bytes
db-password           Opaque                                1      3d
default-token         kubernetes.io/service-account-token   3      5d
      DB_PASSWORD:  <set to the key 'password' in secret 'db'>  Optional: false
"properties":{"password":{"type":"string"},"token":{"type":"string"},"secretName":{"type":"string"}}
password:
  type: string
secret="kube-system/bootstrap-token-abcdef" the key 'password' in secret 'db1-prod-2024'
PWD=/usr/src/app-2 OLDPWD=/var/lib/app1/x credentials: file
curl -s https://localhost:8443/healthz -o /dev/null -w '%{http_code}'
mysql -h db -P 3306 -u app -e 'select 1'
redis-cli -h redis ping; bypass: true; compass: x
npm_config_cache=/root/.npm npm_package_name=web
data: {mode: fast, other: x}
{"args":["--mode=fast","x"],"key":"value"}
"""


@pytest.mark.parametrize(("text", "secrets"), SAID)
def test_a_secret_in_this_form_is_masked(text: str, secrets: list[str]) -> None:
    """At once; and when it comes in lines, looked at one by one, none of it is shown in the line that ends it."""
    data = text.encode()
    assert not leaks(masked(data, Text().feed(data)), [secret.encode() for secret in secrets])
    lines = shown(stream(Channel.STDOUT, data.splitlines(keepends=True)), alone=True)
    assert not leaks(lines, [secret.encode() for secret in secrets])


def test_what_only_looks_like_one_is_shown() -> None:
    data = ORDINARY.encode()
    assert masked(data, Text().feed(data)) == data


def test_only_the_value_is_masked() -> None:
    """The text behind the value stays for an auditor."""
    for text, value in (("sh -c 'DB_PASSWORD=abc foo'", "abc"), ('{"args":["--password=abc","x y"]}', "abc"), ("GET /x?password=abc&y=1 HTTP/1.1", "abc")):
        data = text.encode()
        assert masked(data, Text().feed(data)) == text.replace(value, "***").encode()


@pytest.mark.parametrize("again", ["data:\n", "data: &\n", "data: {a}\n", '"data":{"a":"b"}', "data:\n  a: b\n", "data:\n  data:\n", "password: |\n", "curl ",
                                   f"{PEM[0]}\n{LINES[0][:37]} \n"])  # fmt: skip
def test_nothing_that_is_written_again_and_again_takes_long_to_read(again: str) -> None:
    """Four times as much takes about four times as long."""

    def took(size: int) -> float:
        data = (again * size).encode()[:size]
        begun = process_time()
        Text().feed(data)
        return process_time() - begun

    assert took(1 << 16) < max(1.0, 10 * took(1 << 14))
    assert took(1 << 14) < 2.0
