#!/usr/bin/env python3
"""The files of deploy/: they can be read, agree with one another, with botocore's model of ECS and with the S3 calls in
s3client/operation.h. Where PyYAML or botocore are missing, what needs them is skipped and says so."""
import json
import re
import socket
import subprocess
import unittest
from pathlib import Path

try:
    import yaml
except ImportError:
    yaml = None
try:
    import botocore.session
    import botocore.validate
except ImportError:
    botocore = None

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

# S3's call -> the actions it takes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
ACTIONS = {
    "ListObjectsV2": {"s3:ListBucket"},
    "HeadObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "GetObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "PutObject": {"s3:PutObject", "s3:PutObjectTagging"},
    "CreateMultipartUpload": {"s3:PutObject", "s3:PutObjectTagging"},
    "UploadPart": {"s3:PutObject"},
    "UploadPartCopy": set(),  # named, and not called
    "CompleteMultipartUpload": {"s3:PutObject"},
    "AbortMultipartUpload": {"s3:AbortMultipartUpload"},
    "ListParts": {"s3:ListMultipartUploadParts"},
    "ListMultipartUploads": {"s3:ListBucketMultipartUploads"},
}


def operations():
    text = (ROOT / "s3client/operation.h").read_text(encoding="utf-8")
    names = text[text.index("kNames = {") : text.index("};", text.index("kNames = {"))]
    return set(re.findall(r'"(\w+)"', names))


def actions_of(statements):
    found = set()
    for statement in statements:
        action = statement["Action"]
        found |= {action} if isinstance(action, str) else set(action)
    return found


class Tagged:
    """!Ref, !Sub... as they stand."""

    def __init__(self, tag, value):
        self.tag, self.value = tag, value


def read_template():
    class Loader(yaml.SafeLoader):
        pass

    def construct(loader, suffix, node):
        kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
        make = kinds.get(type(node), loader.construct_mapping)
        return Tagged(suffix, make(node) if type(node) is yaml.ScalarNode else make(node, deep=True))

    Loader.add_multi_constructor("!", construct)
    return yaml.load((DEPLOY / "ec2.yaml").read_text(encoding="utf-8"), Loader)


def references(value):
    """Names that !Ref, !GetAtt, !Sub and !If use."""
    if isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, Tagged):
        if value.tag in ("Ref", "GetAtt"):
            yield value.value.split(".")[0]
        elif value.tag == "Sub":
            own = set()
            text = value.value
            if isinstance(text, list):
                text, given = text
                own = set(given)
                yield from references(given)
            yield from (name.split(".")[0] for name in re.findall(r"\$\{([^}]+)\}", text) if name not in own)
        else:
            if value.tag == "If":
                yield value.value[0]
            yield from references(value.value)


def answer_to(script, status):
    """Exit code of a health check that a server answers so, and what it asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        script = script.replace("/8420", f"/{server.getsockname()[1]}")
        with subprocess.Popen(["bash", "-c", script]) as check:
            client, _ = server.accept()
            with client:
                client.settimeout(10)
                request = b""
                while b"\r\n\r\n" not in request:
                    part = client.recv(4096)
                    if not part:
                        break
                    request += part
                client.sendall(f"{status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return check.wait(10), request.decode().splitlines()[0]


class Policy(unittest.TestCase):
    def setUp(self):
        self.policy = json.loads((DEPLOY / "iam-policy.json").read_text(encoding="utf-8"))

    def test_every_call_is_known_here(self):
        self.assertEqual(operations(), set(ACTIONS))

    def test_what_the_calls_take_and_no_more(self):
        self.assertEqual(actions_of(self.policy["Statement"]), set().union(*ACTIONS.values()))

    def test_nothing_is_open_to_all(self):
        for statement in self.policy["Statement"]:
            self.assertNotIn("*", statement["Action"])
            self.assertNotEqual(statement["Resource"], "*")


@unittest.skipUnless(yaml, "no PyYAML")
class Template(unittest.TestCase):
    def setUp(self):
        self.template = read_template()

    def test_its_statements_are_those_of_the_policy(self):
        policy = json.loads((DEPLOY / "iam-policy.json").read_text(encoding="utf-8"))
        role = self.template["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"]

        def short(statements):
            return {one["Sid"]: actions_of([one]) for one in statements}

        self.assertEqual(short(role["Statement"]), short(policy["Statement"]))

    def test_what_it_names_is_there(self):
        there = {name for part in ("Parameters", "Conditions", "Resources") for name in self.template[part]}
        named = {name for name in references(self.template) if not name.startswith("AWS::")}
        self.assertEqual(named - there, set())
        self.assertLessEqual(set(self.template["Parameters"]), named)

    def test_it_listens_to_others_only_with_a_token(self):
        text = (DEPLOY / "ec2.yaml").read_text(encoding="utf-8")
        self.assertIn("'S3ZIPD_ADMIN_TOKEN_SHA256=${AdminTokenSha256}' >/etc/default/s3zipd", text)
        named = set(references(self.template["Rules"]))
        self.assertEqual(named, {"ApiClients", "AdminTokenSha256"})

    def test_uploads_left_behind_end(self):
        rules = self.template["Resources"]["Archives"]["Properties"]["LifecycleConfiguration"]["Rules"]
        self.assertEqual([rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] for rule in rules], [7])


class Task(unittest.TestCase):
    def setUp(self):
        self.task = json.loads((DEPLOY / "ecs-task.json").read_text(encoding="utf-8"))

    @unittest.skipUnless(botocore, "no botocore")
    def test_ecs_would_read_it(self):
        model = botocore.session.get_session().get_service_model("ecs")
        shape = model.operation_model("RegisterTaskDefinition").input_shape
        report = botocore.validate.ParamValidator().validate(self.task, shape)
        self.assertFalse(report.has_errors(), report.generate_report())

    def test_it_has_time_to_stop(self):
        container = self.task["containerDefinitions"][0]
        variables = {one["name"]: one["value"] for one in container["environment"]}
        # kStopTimeout, and some.
        self.assertGreaterEqual(container["stopTimeout"], int(variables["S3ZIPD_DRAIN_SECONDS"]) + 40)
        self.assertLessEqual(container["stopTimeout"], 120)  # Fargate's most

    def test_it_listens_to_others_only_with_a_token(self):
        self.assertIn("S3ZIPD_LISTEN=0.0.0.0:", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
        names = {one["name"] for one in self.task["containerDefinitions"][0]["environment"]}
        self.assertIn("S3ZIPD_ADMIN_TOKEN_SHA256", names)

    def test_health_needs_no_token(self):
        image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
        command = json.loads(re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", image, re.M).group(1))
        self.assertEqual(["CMD", *command], self.task["containerDefinitions"][0]["healthCheck"]["command"])
        self.assertEqual(command[:2], ["bash", "-c"])
        self.assertEqual(answer_to(command[2], "HTTP/1.1 200 OK"), (0, "GET /healthz HTTP/1.1"))
        self.assertNotEqual(answer_to(command[2], "HTTP/1.1 503 Service Unavailable")[0], 0)

    def test_its_settings_exist(self):
        settings = (ROOT / "config/s3zipd.toml").read_text(encoding="utf-8")
        known = {"S3ZIPD_" + key.upper() for key in re.findall(r"^# (\w+) = ", settings, re.M)}
        image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
        container = self.task["containerDefinitions"][0]
        used = set(re.findall(r"\b(S3ZIPD_\w+)=", image)) | {
            one["name"] for one in container["environment"] if one["name"].startswith("S3ZIPD_")
        }
        self.assertTrue(used)
        self.assertEqual(used - known, set())


if __name__ == "__main__":
    unittest.main()
