#!/usr/bin/env python3
"""The OpenAPI document against the running daemon: every status of every operation that it documents is provoked, and
the answer is what the document says. Also the document's own form.

Another test that provokes one is named in ELSEWHERE. A new operation, or a new status of one, fails
test_every_status_was_provoked until it is provoked here or named there.
"""
import contextlib
import hashlib
import json
import re
import signal
import socket
import time
import unittest

import document
import schema
import wire
from rig import PATIENCE_S, ROOT, Rig

GOOD = {"source": {"bucket": "photos", "prefix": "2026/"}, "destination": {"bucket": "out", "key": "good.zip"}}
NO_JOB = "0" * 26
# What takes too long here, or a fake engine.
ELSEWHERE = {("planArchive", 504): "tests/daemon/api_limits_test.cc:PlansAreBoundedAndTimed"}
PROVOKED = set()
BODIES = {"createArchive": GOOD, "planArchive": GOOD}
CONNECTIONS_MAX, PLANS_MAX = 16, 4  # the fewest there can be; config/limits.h


def with_key(key, **more):
    return GOOD | {"destination": {"bucket": "out", "key": key}} | more


class Contract(unittest.TestCase):
    """Starts a daemon for all tests of the class, if it says with what."""
    rig_arguments = None

    @classmethod
    def setUpClass(cls):
        if cls.rig_arguments is not None:
            cls.rig = cls.enterClassContext(Rig(**cls.rig_arguments))

    def check(self, operation_id, answer, status, name=None):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(document.errors(operation_id, answer), [], answer)
        if name:
            self.assertEqual(answer.json["type"], "/problems/" + name)
        PROVOKED.add((operation_id, status))
        return answer

    def ask(self, operation_id, status, name=None, job="", query="", body=None, headers=None, rig=None):
        method, path, _ = document.OPERATIONS[operation_id]
        target = path.replace("{id}", job or NO_JOB) + query
        return self.check(operation_id, (rig or self.rig).call(method, target, body, headers), status, name)

    def finished(self, key, rig=None, **more):
        rig = rig or self.rig
        job = rig.wait(self.ask("createArchive", 202, body=with_key(key, **more), rig=rig).json["id"])
        self.assertEqual(job["state"], "succeeded", job)
        return job["id"]


class Usual(Contract):
    rig_arguments = {}

    def test_a_job(self):
        created = self.ask("createArchive", 202, body=with_key("a.zip"))
        job = created.json["id"]
        self.assertEqual(created.headers["location"], f"/archives/{job}")
        events = self.ask("watchArchive", 200, job=job).events()
        self.assertEqual([name for name, _ in events][-1], "state")
        shown = self.ask("getArchive", 200, job=job).json
        self.assertEqual(shown["state"], "succeeded", shown)
        self.assertEqual(shown["result"]["entries"], 4)
        listed = self.ask("listArchives", 200, query="?state=succeeded&limit=1000").json["archives"]
        self.assertIn(job, [each["id"] for each in listed])
        location = self.ask("downloadArchive", 307, job=job).headers["location"]
        self.assertIn("X-Amz-Signature=", location)
        told = self.ask("downloadArchive", 200, job=job, query="?redirect=false").json
        self.assertIn("X-Amz-Signature=", told["url"])
        self.ask("downloadArchive", 400, "bad-parameter", job=job, query="?redirect=no")
        events = self.ask("watchArchives", 200, query="?seconds=1").events()
        self.assertEqual(events[0][0], "history")
        self.assertIn(job, [json.loads(data)["id"] for name, data in events if name == "archive"])
        for query in ("?seconds=0", "?seconds=901", "?more=1"):
            self.ask("watchArchives", 400, "bad-parameter", query=query)
        self.ask("cancelArchive", 409, "already-ended", job=job)
        for operation in ("getArchive", "downloadArchive", "listSkipped"):
            method, path, _ = document.OPERATIONS[operation]
            self.assertEqual(method, "GET")
            head = self.rig.call("HEAD", path.replace("{id}", job))
            self.assertEqual(head.body, b"")
            self.assertIn(head.status, document.statuses(operation))

    def test_reports(self):
        missing = {"sources": [{"bucket": "photos", "objects": [{"key": "2026/hill.jpg"}, {"key": "gone.jpg"}]},
                               {"bucket": "docs", "objects": [{"key": "c.pdf", "name": "a:b.pdf"}]}],
                   "options": {"on_missing": "skip"}}
        body = {"destination": {"bucket": "out", "key": "reports.zip"}} | missing
        job = self.rig.wait(self.ask("createArchive", 202, body=body).json["id"])
        self.assertEqual(job["state"], "succeeded", job)
        skipped = self.ask("listSkipped", 200, job=job["id"]).json
        self.assertEqual(skipped["skipped"], [{"bucket": "photos", "key": "gone.jpg", "reason": "not_found"}])
        renamed = self.ask("listRenamed", 200, job=job["id"]).json
        self.assertEqual([each["name"] for each in renamed["renamed"]], ["a_b.pdf"])
        for operation in ("listSkipped", "listRenamed"):
            for query in ("?limit=0", "?limit=10001", "?limit=x", "?cursor=x", "?more=1"):
                wrong = self.ask(operation, 400, "bad-parameter", job=job["id"], query=query).json
                self.assertEqual(wrong["parameter"], query[1:].partition("=")[0])

    def test_a_failed_job_and_one_with_a_notice(self):
        body = with_key("failed.zip", notify={"url": "http://hook.invalid/"})
        body["source"] = {"bucket": "photos", "prefix": "none/"}
        job = self.rig.wait(self.ask("createArchive", 202, body=body).json["id"])
        self.assertEqual(job["error"]["code"], "no_objects")
        shown = self.ask("getArchive", 200, job=job["id"]).json
        self.assertIn("notification", shown)
        for operation in ("downloadArchive", "listSkipped", "listRenamed"):
            self.ask(operation, 409, "not-finished", job=job["id"])

    def test_a_customer_key_is_not_downloadable(self):
        key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
        body = with_key("sealed.zip")
        body["destination"]["sse"] = {"type": "customer", "customer_key": key}
        created = self.ask("createArchive", 202, body=body)
        self.assertNotIn(key.encode(), created.body)
        job = self.rig.wait(created.json["id"])
        self.assertEqual(job["state"], "succeeded", job)
        self.ask("downloadArchive", 409, "not-downloadable", job=job["id"])

    def test_plans(self):
        plan = self.ask("planArchive", 200, body=GOOD).json
        self.assertEqual(plan["entries"], 4)
        refused = self.ask("planArchive", 422, "request-refused",
                           body=GOOD | {"source": {"bucket": "photos", "prefix": "none/"}}).json
        self.assertEqual(refused["code"], "no_objects")

    def test_jobs_that_are_not_there(self):
        for operation, (_, path, _) in document.OPERATIONS.items():
            if "{id}" in path:
                self.ask(operation, 404, "no-such-archive")

    def test_parameters(self):
        for query in ("?state=done", "?limit=0", "?limit=1001", "?limit=-1", "?cursor=x", "?page=2"):
            wrong = self.ask("listArchives", 400, "bad-parameter", query=query).json
            self.assertEqual(wrong["parameter"], query[1:].partition("=")[0])

    def test_repeated_parameters(self):
        for operation in document.FINITE:
            wrong = self.ask(operation, 400, "bad-parameter", query="?limit=1&lim%69t=1", body=BODIES.get(operation)).json
            self.assertEqual(wrong["parameter"], "limit")

    def test_pages_from_elsewhere(self):
        for operation, (method, path, _) in document.OPERATIONS.items():
            for header, value in {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}.items():
                refused = self.ask(operation, 403, "origin-not-allowed", body=BODIES.get(operation), headers={header: value}).json
                self.assertIn(f"{header} is {value}", refused["detail"])
                self.assertIn("allowed_origins", refused["detail"])
            asked = wire.request(method, path.replace("{id}", NO_JOB)).replace(b"Host: localhost", b"Host: evil.example")
            refused = wire.parse(self.rig.exchange(asked), method)
            self.check(operation, refused, 403, "host-not-allowed")
            self.assertIn("allowed_hosts", refused.json["detail"])

    def test_bodies(self):
        for operation, good in BODIES.items():
            self.ask(operation, 400, "bad-json", body=b'{"source":')
            self.ask(operation, 413, "body-too-large", body=b" " * (16 * 1024 * 1024 + 1))
            self.ask(operation, 415, "unsupported-media-type", body=good, headers={"Content-Type": "text/plain"})
            wrong = {
                "unknown-field": (good | {"a/b~": 1}, "/a~1b~0"), "missing-field": ({"source": good["source"]}, "/destination"),
                "wrong-type": (good | {"source": []}, "/source"),
                "empty-list": ({"sources": [], "destination": good["destination"]}, "/sources"),
                "out-of-range": (good | {"options": {"priority": 101}}, "/options/priority"),
                "conflicting-fields": (good | {"sources": [good["source"]]}, "/source"),
                "unsupported": (good | {"options": {"execution": "lambda"}}, "/options/execution"),
                "bad-value": (good | {"options": {"order": "random"}}, "/options/order"),
                "too-many": ({"sources": [good["source"]] * 1001, "destination": good["destination"]}, "/sources"),
            }
            repeated = json.dumps(good)[:-1].encode() + b', "source": {}}'
            self.assertEqual(self.ask(operation, 422, "repeated-field", body=repeated).json["pointer"], "/source")
            for name, (body, pointer) in wrong.items():
                self.assertEqual(self.ask(operation, 422, name, body=body).json["pointer"], pointer)

    def test_idempotency_keys(self):
        body, headers = with_key("once.zip"), {"Idempotency-Key": "once"}
        first = self.ask("createArchive", 202, body=body, headers=headers).json["id"]
        again = self.ask("createArchive", 202, body=body, headers=headers).json["id"]
        self.assertEqual(first, again)
        self.ask("createArchive", 422, "idempotency-key-reused", body=with_key("b.zip"), headers=headers)
        for key in ("", "a b", "\xe9", "x" * 256):
            self.ask("createArchive", 400, "bad-idempotency-key", body=body, headers={"Idempotency-Key": key})

    def test_what_any_operation_may_answer(self):
        for operation, (method, path, _) in document.OPERATIONS.items():
            path = path.replace("{id}", NO_JOB)
            two_hosts = self.rig.call(method, path, BODIES.get(operation), {"Host": "again"})
            self.check(operation, two_hosts, 400, "bad-http")
            self.ask(operation, 414, "target-too-long", query="?a=" + "x" * 4096, body=BODIES.get(operation))
            self.ask(operation, 431, "headers-too-large", headers={"X-Long": "x" * 17000}, body=BODIES.get(operation))
            if operation not in BODIES:
                self.ask(operation, 413, "body-too-large", body=b" " * (64 * 1024 + 1))

    def test_the_rest(self):
        for operation in ("health", "readiness", "metrics", "version", "openapi", "page"):
            self.ask(operation, 200)

    def test_other_methods_are_told_those_of_the_document(self):
        for path, item in document.DOCUMENT["paths"].items():
            allowed = {method.upper() for method in item if method in document.METHODS}
            if "GET" in allowed and not path.endswith("/events"):
                allowed.add("HEAD")
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"):
                if method in allowed:
                    continue
                answer = self.rig.call(method, path.replace("{id}", NO_JOB))
                self.assertEqual(answer.status, 405, (method, path, answer))
                self.assertEqual(set(answer.headers["allow"].split(", ")), allowed)
                if method != "HEAD":
                    self.assertEqual(document.problem_errors(answer), [])

    def test_where_a_request_ends_is_never_guessed(self):
        """Two readers of such requests could see two ends, and one of them a request hidden in the body."""
        hidden = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
        chunked = b"5\r\nhello\r\n0\r\n\r\n"
        unclear = [
            "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: +5", "Content-Length: -5",
            "Content-Length: 0x5", "Content-Length: 5 5", "Content-Length: ", "Content-Length: 18446744073709551621",
            "Content-Length: 5.0", "Content-Length : 5", "Content-Length: 5\r\n Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: identity", "Transfer-Encoding: xchunked",
            "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: \x0bchunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding : chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Content-Length: 5\rX: y", "Content\0-Length: 5",
        ]
        for path in ("/archives", "/plans"):
            for framing in unclear:
                head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
                data = self.rig.exchange(head.encode("latin-1") + chunked + hidden, half_close=False)
                answer = wire.parse(data, "POST")  # one, though the connection was not asked to be closed
                self.assertEqual(answer.status, 400, (framing, data))
                self.assertEqual(document.problem_errors(answer), [])

    def test_other_paths_are_not_there(self):
        for path in ("/archive", "/archives/", "/archives//events", "/Archives", "/plans/x", "/archives/a/b",
                     "/openapi.json/", "//healthz"):
            answer = self.rig.call("GET", path)
            self.assertEqual(answer.status, 404, (path, answer))
            self.assertEqual(document.problem_errors(answer), [])

    def test_the_daemon_serves_the_document(self):
        self.assertEqual(self.rig.call("GET", "/openapi.json").json, document.DOCUMENT)


class Full(Contract):
    """Objects and listings hang, one job may run, and one may wait."""
    rig_arguments = {"flags": ["--jobs-running-max", "1", "--jobs-queued-max", "1"],
                     "s3sim_flags": ["--fault", "GetObject stall; ListObjectsV2 stall"]}
    hanging = {"source": {"bucket": "docs", "objects": [{"key": "c.pdf"}]}, "destination": GOOD["destination"]}

    def test_it(self):
        running = self.ask("createArchive", 202, body=self.hanging).json["id"]
        self._until(lambda: self.ask("getArchive", 200, job=running).json["state"] == "finishing")  # of one part
        waiting = self.ask("createArchive", 202, body=self.hanging).json["id"]
        self.ask("createArchive", 429, "too-many-jobs", body=self.hanging)
        self.assertEqual(self.ask("cancelArchive", 202, job=waiting).json["state"], "cancelled")
        with contextlib.ExitStack() as stack:
            for _ in range(PLANS_MAX):
                plan = stack.enter_context(socket.create_connection(("127.0.0.1", self.rig.daemon.port)))
                plan.sendall(wire.request("POST", "/plans", json.dumps(GOOD).encode(),
                                          self.rig.headers | {"Content-Type": "application/json"}))
            self._until(lambda: f"s3zipd_http_plans {PLANS_MAX}\n" in self.ask("metrics", 200).body.decode())
            self.ask("planArchive", 429, "too-many-plans", body=GOOD)
        self.rig.daemon.process.send_signal(signal.SIGTERM)
        self._until(lambda: self.rig.call("GET", "/readyz").status == 503)
        self.ask("readiness", 503, "stopping")
        self.ask("createArchive", 503, "stopping", body=self.hanging)
        self.assertEqual(self.ask("getArchive", 200, job=running).json["id"], running)

    def _until(self, condition):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not come")


class TooManyConnections(Contract):
    """All places are taken by streams of a job that hangs: others would be put out for who asks something."""
    rig_arguments = {"flags": ["--api-connections", str(CONNECTIONS_MAX)], "s3sim_flags": ["--fault", "GetObject stall"]}

    def test_every_operation_says_so(self):
        job = self.ask("createArchive", 202, body=GOOD).json["id"]
        with contextlib.ExitStack() as stack:
            for _ in range(CONNECTIONS_MAX):
                stream = stack.enter_context(socket.create_connection(("127.0.0.1", self.rig.daemon.port), PATIENCE_S))
                stream.sendall(wire.request("GET", f"/archives/{job}/events", headers=self.rig.headers))
                self.assertTrue(stream.recv(1).startswith(b"H"))
            for operation in document.OPERATIONS:
                self.ask(operation, 503, "overloaded", body=BODIES.get(operation))


class Tokens(Contract):
    """Two tokens, each with one scope, and an admin's."""
    rig_arguments = {"token": "the admin's", "tokens_file": "".join(
        f'[[token]]\nname = "{scope}"\nsha256 = "{hashlib.sha256(scope.encode()).hexdigest()}"\nscopes = ["{scope}"]\n'
        for scope in ("submit", "read"))}

    def test_who_may_do_what(self):
        job = self.finished("tokens.zip")
        for operation, (method, _, _) in document.OPERATIONS.items():
            body = BODIES.get(operation)
            allowed, other = ("read", "submit") if method == "GET" else ("submit", "read")
            if 401 not in document.statuses(operation):
                self.ask(operation, 200, headers={"Authorization": ""})
                continue
            for unknown in ("", "Bearer", "Bearer no", "Basic c3VibWl0OnN1Ym1pdA==", "Bearer the admin", "submit"):
                headers = {"Authorization": unknown}
                self.ask(operation, 401, "unauthorized", job=job, body=body, headers=headers)
            self.ask(operation, 403, "not-allowed", job=job, body=body, headers={"Authorization": f"Bearer {other}"})
            method, path, _ = document.OPERATIONS[operation]
            target = path.replace("{id}", job) + ("?seconds=1" if operation == "watchArchives" else "")
            answer = self.rig.call(method, target, body, {"Authorization": f"bearer {allowed}"})
            self.assertEqual(document.errors(operation, answer), [])
            self.assertNotIn(answer.status, (401, 403))

    def test_a_field_that_the_token_does_not_reach(self):
        elsewhere = f'[[token]]\nname = "a"\nsha256 = "{hashlib.sha256(b"a").hexdigest()}"\nscopes = ["submit", "read"]\n' \
                    'sources = ["docs"]\ndestinations = ["out/a/"]\n'
        with Rig(tokens_file=elsewhere) as rig:
            headers = {"Authorization": "Bearer a"}
            for operation in BODIES:
                refused = self.ask(operation, 403, "not-allowed", body=with_key("a/1.zip"), headers=headers, rig=rig).json
                self.assertIn("pointer", refused)
                refused = self.ask(operation, 403, "not-allowed", headers=headers, rig=rig,
                                   body=with_key("b.zip") | {"source": {"bucket": "docs"}}).json
                self.assertIn("pointer", refused)


class S3ThatFails(Contract):
    def test_it_cannot_be_reached(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with Rig(s3=url) as rig:
            self.ask("planArchive", 502, "s3-failed", body=GOOD, rig=rig)

    def test_it_refuses_the_daemon(self):
        with Rig(variables={"AWS_SECRET_ACCESS_KEY": "wrong"}) as rig:
            self.ask("planArchive", 403, "access-denied", body=GOOD, rig=rig)

    def test_keys_are_gone_when_the_url_is_asked_for(self):
        with Rig() as rig:
            job = self.finished("gone.zip", rig=rig)
            rig.restart({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None})
            self.ask("downloadArchive", 403, "access-denied", job=job, rig=rig)
            with socket.create_server(("127.0.0.1", 0)) as closed:
                url = f"http://127.0.0.1:{closed.getsockname()[1]}/keys"
            rig.restart({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI": url})
            self.ask("downloadArchive", 502, "s3-failed", job=job, rig=rig)


class Form(unittest.TestCase):
    def test_references_lead_somewhere_and_everything_is_used(self):
        text = json.dumps(document.DOCUMENT)
        references = set(re.findall(r'"\$ref": "([^"]+)"', text))
        for reference in references:
            schema.resolve(document.DOCUMENT, reference)
        parts = {f"#/components/{kind}/{name}" for kind, named in document.DOCUMENT["components"].items()
                 for name in named if kind != "securitySchemes"}
        schemes = {name for each in document.DOCUMENT["security"] for name in each}
        self.assertEqual(schemes, set(document.DOCUMENT["components"]["securitySchemes"]))
        # ManifestLine is no part of a request: it says what a file in S3 looks like.
        self.assertEqual(parts - references, {"#/components/schemas/ManifestLine"})

    def test_operations(self):
        ids = [operation["operationId"] for item in document.DOCUMENT["paths"].values()
               for method, operation in item.items() if method in document.METHODS]
        self.assertEqual(len(ids), len(set(ids)))
        for operation_id, (_, path, operation) in document.OPERATIONS.items():
            shared = document.DOCUMENT["paths"][path].get("parameters", [])
            named = [document.resolved(each) for each in shared + operation.get("parameters", [])]
            in_path = {each["name"] for each in named if each["in"] == "path"}
            self.assertEqual(in_path, set(re.findall(r"{(\w+)}", path)), path)
            self.assertTrue(operation["summary"], operation_id)
            for status, response in operation["responses"].items():
                self.assertRegex(status, r"^[1-5]\d\d$")
                self.assertTrue(document.resolved(response)["description"], (operation_id, status))

    def test_every_schema_is_understood(self):
        for name, each in document.DOCUMENT["components"]["schemas"].items():
            for value in ({}, [], "", 0, None):
                schema.errors(each, value, document.DOCUMENT, strict=True)
            self.assertTrue(schema.errors(each, object(), document.DOCUMENT) or name == "State", name)

    def test_each_problem_of_the_code_is_in_both_documents(self):
        rows = re.findall(r'ProblemType\{"([a-z0-9-]+)", (\d+), "', (ROOT / "daemon/problem.cc").read_text("utf-8"))
        self.assertEqual({name: int(status) for name, status in rows}, document.PROBLEMS)
        of_operations = {name for response in document.DOCUMENT["components"]["responses"].values()
                         for content in response["content"].values()
                         for name in content["schema"].get("properties", {}).get("type", {}).get("enum", [])}
        of_none = {"/problems/no-such-resource", "/problems/method-not-allowed", "/problems/internal-error"}
        self.assertEqual({"/problems/" + name for name, _ in rows} - of_operations, of_none)


class TheEnd(unittest.TestCase):
    """Runs last: classes in the order of main()."""

    def test_every_status_was_provoked(self):
        for (operation, status), place in ELSEWHERE.items():
            path, _, name = place.partition(":")
            self.assertRegex((ROOT / path).read_text("utf-8"), rf"TEST(_F)?\(\w+, {name}\)")
            PROVOKED.add((operation, status))
        documented = {(operation, status) for operation in document.OPERATIONS
                      for status in document.statuses(operation)}
        self.assertEqual(documented - PROVOKED, set())


def load_tests(loader, _standard, _pattern):
    classes = (Form, Usual, Full, TooManyConnections, Tokens, S3ThatFails, TheEnd)
    return unittest.TestSuite(loader.loadTestsFromTestCase(each) for each in classes)


if __name__ == "__main__":
    unittest.main(verbosity=2)
