"""Throws generated requests at the running server, by its OpenAPI document: no 5xx, no answer that the document
does not know, no body of another shape. `make test-fuzz` runs it; the seed is fixed."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

EXAMPLES = os.environ.get("EXAMPLES", "25")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SECRET_KEY = "sk_test_0123456789abcdef"


def store(folder: str) -> str:
    """A file; or, with TEST_STORE=postgres, a new database of the throw-away PostgreSQL."""
    if os.environ.get("TEST_STORE") != "postgres":
        return f"sqlite://{folder}/fuzz.db"
    server = os.environ["TEST_POSTGRES"]
    name = f"fuzz_{os.getpid()}"
    subprocess.run(["psql", "--quiet", f"{server}/postgres", "--command", f"CREATE DATABASE {name}"], check=True)
    return f"{server}/{name}"


class Server:
    """The built program on a new database and a free port, without limits."""

    def __init__(self, program: str, folder: str):
        options = {
            "PHONEPROOF__SERVER__LISTEN": "127.0.0.1:0",
            "PHONEPROOF__STORE__URL": store(folder),
            "PHONEPROOF__LIMITS__ENABLED": "false",
            "PHONEPROOF__KEYS__SECRET_KEY": SECRET_KEY,
            "PHONEPROOF__INSTANCE__SECRET": "an instance secret of the fuzz run, long enough",
            # No script is there: nobody is sent to a CDN.
            "PHONEPROOF__SDK__CDN": "",
            "PHONEPROOF__LOG__LEVEL": "error",
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PHONEPROOF_")}
        self.log = open(f"{folder}/log", "wb")
        self.process = subprocess.Popen(
            [program], env=environment | options, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=folder
        )
        for line in self.process.stdout:
            if found := re.search(r"listens on (http://\S+)", line):
                self.url = found[1]
                break
        # Whoever prints must be read.
        subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def call(self, method: str, path: str, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | (headers or {"Authorization": f"Bearer {SECRET_KEY}"})
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            self.headers = answer.headers
            return json.load(answer)

    def user(self, at: int):
        number = f"+1415555{at:04}"
        user = self.call("POST", "/v1/users", {"phone_number": [number], "password": "correct horse battery"})
        # An app: whoever has the client's token is signed in.
        ticket = self.call("POST", "/v1/sign_in_tokens", {"user_id": user["id"]})["token"]
        signed_in = self.call(
            "POST", "/v1/client/sign_ins?_is_native=1", {"strategy": "ticket", "ticket": ticket}, {"Authorization": ""}
        )
        return {
            "user": user["id"],
            "number": user["phone_numbers"][0]["id"],
            "session": signed_in["response"]["created_session_id"],
            "client": signed_in["client"]["id"],
            "bearer": self.headers["Authorization"],
        }


def app(folder: str, user) -> dict:
    """What lets a run go on with the tokens that an app is given."""
    token = pathlib.Path(folder, user["client"])
    token.write_text(user["bearer"])
    return {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent), "CLIENT_TOKEN": str(token)}


def run(server: Server, folder: str, name: str, who, ids, selection) -> bool:
    """`who` is a list of headers, or the environment of an app."""
    config = pathlib.Path(folder, f"{name}.toml")
    config.write_text("".join(f'[parameters]\n"path.id" = {json.dumps(ids)}\n' if ids else ""))
    command = ["schemathesis", "--config-file", str(config), "run", f"{server.url}/openapi.json"]
    command += ["--checks", CHECKS, "-n", EXAMPLES, "--phases", "examples,coverage,fuzzing", "--seed", "1"]
    command += ["--no-color", "--warnings", "off", "--suppress-health-check", "all", *selection]
    environment = dict(os.environ)
    if isinstance(who, dict):
        environment |= who
    else:
        for header in who:
            command += ["-H", header]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    counted = re.search(r"\d+ generated.*", done.stdout)
    print(f"{name}: {counted[0] if counted else 'nothing was generated'}", flush=True)
    if done.returncode != 0 or not counted:
        print(done.stdout, done.stderr)
    return done.returncode == 0 and counted is not None


def main() -> int:
    program = os.environ["PHONEPROOF_BIN"]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, folder)
        try:
            back_end = [f"Authorization: Bearer {SECRET_KEY}"]
            one, two, three = (server.user(at) for at in (100, 101, 102))
            second, third = app(folder, two), app(folder, three)
            passed = [
                run(server, folder, "server", [], None, ["--include-tag", "Server"]),
                run(server, folder, "users", back_end, one["user"], ["--include-tag", "Secret key: users", "--exclude-method", "DELETE"]),
                run(server, folder, "numbers", back_end, one["number"], ["--include-tag", "Secret key: phone numbers", "--exclude-method", "DELETE"]),
                run(server, folder, "sessions", back_end, one["session"], ["--include-tag", "Secret key: sessions"]),
                run(server, folder, "instance", back_end, None, ["--include-tag", "Secret key: instance"]),
                run(server, folder, "my numbers", second, two["number"], ["--include-tag", "Phone numbers", "--exclude-method", "DELETE"]),
                run(server, folder, "me", second, two["session"], ["--include-tag", "User", "--exclude-method", "DELETE", "--exclude-path-regex", "revoke$"]),
                run(server, folder, "revoking", second, two["session"], ["--include-path", "/v1/me/sessions/{id}/revoke"]),
                run(server, folder, "sign-up", [f"Origin: {server.url}"], None, ["--include-tag", "Sign-up"]),
                run(server, folder, "sign-in", [f"Origin: {server.url}"], None, ["--include-tag", "Sign-in"]),
                run(server, folder, "client", third, three["session"], ["--include-tag", "Client"]),
                run(server, folder, "deleting", back_end, one["user"], ["--include-method", "DELETE"]),
            ]
            return 0 if all(passed) else 1
        finally:
            server.process.terminate()
            server.process.wait()
            server.log.close()


sys.exit(main())
