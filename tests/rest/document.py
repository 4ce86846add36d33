"""daemon/openapi.json as the tests hold it against the daemon's answers, and docs/API.md's table of problems."""
import email.utils
import json
import re
import time
from pathlib import Path

import schema

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DOCUMENT = json.loads((ROOT / "daemon/openapi.json").read_text(encoding="utf-8"))


def resolved(node):
    return schema.resolve(DOCUMENT, node["$ref"]) if "$ref" in node else node


def operations():
    """operationId -> (METHOD, path, operation)"""
    return {operation["operationId"]: (method.upper(), path, operation)
            for path, item in DOCUMENT["paths"].items() for method, operation in item.items() if method in METHODS}


OPERATIONS = operations()
# Those whose answer has an end of its own: who asks by chance should not wait for the other.
FINITE = [each for each in OPERATIONS if each != "watchArchives"]
REQUEST_SCHEMA = DOCUMENT["components"]["schemas"]["ArchiveRequest"]


def statuses(operation_id):
    return {int(status) for status in OPERATIONS[operation_id][2]["responses"]}


def read_problem_table():
    """Name -> status, of the table in docs/API.md."""
    text = (ROOT / "docs/API.md").read_text(encoding="utf-8")
    section = text[text.index("## Problems"):]
    section = section[:section.index("\n## ", 1)]
    table = {}
    for codes, names in re.findall(r"^\| ([0-9, ]+) \| (.*) \|$", section, re.M):
        codes = [int(code) for code in codes.split(",")]
        names = re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", names)
        for i, name in enumerate(names):
            table[name] = codes[i] if len(codes) > 1 else codes[0]
    return table


PROBLEMS = read_problem_table()


def header_errors(response, answer):
    found = []
    for name, header in response.get("headers", {}).items():
        value = answer.headers.get(name.lower())
        if value is None:
            found += [f"no header {name}"] if header.get("required") else []
        else:
            typed = int(value) if header["schema"].get("type") == "integer" and value.isdigit() else value
            found += schema.errors(header["schema"], typed, DOCUMENT)
    return found


def common_errors(answer):
    """What is wrong with the headers that every answer has."""
    found = []
    if answer.headers.get("x-content-type-options") != "nosniff":
        found.append(f"a {answer.status} without nosniff")
    try:
        seconds = email.utils.parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
        if not answer.headers["date"].endswith(" GMT") or abs(seconds - time.time()) > 60:
            found.append(f"Date is {answer.headers['date']}")
    except (TypeError, ValueError):
        found.append(f"a {answer.status} without a good Date")
    return found


def problem_errors(answer):
    """What is wrong with a problem, whatever it answers to."""
    common = common_errors(answer)
    if common:
        return common
    if answer.media_type != "application/problem+json":
        return [f"Content-Type of a {answer.status} is {answer.media_type!r}"]
    problem = answer.json
    found = schema.errors(DOCUMENT["components"]["schemas"]["Problem"], problem, DOCUMENT, strict=True)
    if found:
        return found
    name = problem["type"].removeprefix("/problems/")
    if PROBLEMS.get(name) != answer.status or problem["status"] != answer.status:
        found.append(f"{problem['type']} is not in the table of docs/API.md with {answer.status}")
    if answer.status == 405 and "allow" not in answer.headers:
        found.append("405 without Allow")
    if answer.status in (429, 503) and not answer.headers.get("retry-after", "").isdigit():
        found.append(f"{answer.status} without Retry-After")
    return found


def errors(operation_id, answer):
    """What is wrong with an answer to this operation, by the document."""
    responses = OPERATIONS[operation_id][2]["responses"]
    response = responses.get(str(answer.status))
    if response is None:
        return [f"{operation_id} may not answer {answer.status}: {answer!r}"]
    response = resolved(response)
    found = common_errors(answer) + header_errors(response, answer)
    if answer.status >= 400:
        found += problem_errors(answer)
    content = response.get("content", {})
    if not content:
        return found + ([f"a body of {len(answer.body)} bytes"] if answer.body else [])
    if answer.media_type not in content:
        return found + [f"Content-Type {answer.media_type!r} is not one of {list(content)}"]
    if answer.media_type.endswith("json"):
        found += schema.errors(content[answer.media_type]["schema"], answer.json, DOCUMENT, strict=True)
    elif answer.media_type == "text/event-stream":
        job = DOCUMENT["components"]["schemas"]["Job"]
        found += [error for name, data in answer.events() if name not in ("history", "overview")
                  for error in schema.errors(job, json.loads(data), DOCUMENT, strict=True)]
    return found
