"""AWS's own Python library judges our signatures: presigned URLs and signed requests must be equal to its.

    signatures.py SIGN_LINES

SIGN_LINES is the program built from sign_lines.cc. Exit code 77: there is no botocore here. Everything random comes from
one seed, everything is signed at one time.
"""
import datetime
import itertools
import os
import random
import subprocess
import sys
import urllib.parse

NO_JUDGE = 77
DEBIANS_PYTHON = "/usr/bin/python3"  # which has python3-botocore, whatever python3 is first in the path
try:
    import botocore.auth
    import botocore.session
    import botocore.signers
    from botocore.awsrequest import AWSRequest
    from botocore.config import Config
    from botocore.credentials import Credentials
except ImportError as why:
    if not os.path.realpath(sys.executable) == os.path.realpath(DEBIANS_PYTHON) and os.path.exists(DEBIANS_PYTHON):
        os.execv(DEBIANS_PYTHON, [DEBIANS_PYTHON, "-B", *sys.argv])
    print(f"skipped: no botocore to judge by ({why})")
    sys.exit(NO_JUDGE)

NOW = datetime.datetime(2026, 11, 20, 10, 4, 5)
ACCESS, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKENS = ["", "FwoGZXIvYXdzEPT//////////wEaDA+b/c=="]
BUCKETS = ["plain-bucket", "dotted.bucket.name"]
KEYS = ["plain.zip", "a b.zip", "a+b.zip", "100%.zip", "a%20b%2Fc.zip", "größe/資料/\U0001f4e6.zip", "a//b.zip", "/leading.zip",
        "//two", "trailing/", "~tilde~.zip", "a/./b/../c.zip", ".", "..", "!*'();:@&=+$,?#[].zip", "\"<>\\^`{|}.zip",
        "tab\tnewline\nend", "\x7f\x01", "?versions", "-._~", "n" * 1024, "e\u0301 is not \u00e9", "\u00a0\u2028"]
# Region, URL (of AWS if empty), addressing as we call it.
ENDPOINTS = [("us-east-1", "", "auto"), ("eu-central-1", "", "auto"), ("cn-north-1", "", "auto"), ("us-west-2", "", "path"),
             ("us-east-1", "http://127.0.0.1:9000", "auto"), ("eu-west-1", "https://s3.example.com", "path"),
             ("eu-west-1", "https://s3.example.com:8443", "virtual"), ("us-east-1", "https://gw.example.com/below/s3", "path")]
# Of these a proxy may change some: they are not signed, whoever signs. Not "date": with it, and we never send it, botocore
# signs no x-amz-date.
HEADERS = ["range", "if-match", "content-type", "content-md5", "cache-control", "x-amz-meta-a", "x-amz-meta-b-c", "x-amz-tagging",
           "x-amz-checksum-crc32", "x-amz-copy-source", "user-agent", "expect", "x-amzn-trace-id"]
QUERY = ["uploads", "uploadId", "partNumber", "prefix", "list-type", "continuation-token", "x y", "ä", "a+b", "A", "a", "_", "~"]
VALUES = ["", "1", "a b", "a+b", "a%2Bb", "größe", "a/b?c&d=e", "~-._", "!*'()", "\"", "==", "\U0001f4e6", "zz"]


def prepare_the_judge():
    """One time; and URLs for the region's own endpoint, where it would presign for s3.amazonaws.com and be redirected."""
    botocore.signers._should_use_global_endpoint = lambda client: False
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda remove_tzinfo=True: NOW
    else:
        class Stopped(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return NOW
        botocore.auth.datetime.datetime = Stopped


def quote(text):
    return urllib.parse.quote(text, safe="-._~")


def line(fields, query=(), headers=()):
    pairs = [*fields.items(), *(("q." + n, v) for n, v in query), *(("h." + n, v) for n, v in headers)]
    keys = {"access": ACCESS, "secret": SECRET, "time": NOW.isoformat() + "Z"}
    return " ".join(f"{quote(n)}={quote(v)}" for n, v in [*keys.items(), *pairs])


def ours(program, lines):
    done = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{program}: exit code {done.returncode}\n{done.stderr}")
    answers = done.stdout.splitlines()
    if len(answers) != len(lines):
        raise SystemExit(f"{len(answers)} answers to {len(lines)} lines")
    return answers


def client_of(session, region, url, addressing, token):
    style = addressing if addressing != "auto" else "path" if url else "auto"
    return session.create_client(
        "s3", region_name=region, endpoint_url=url or None, aws_access_key_id=ACCESS, aws_secret_access_key=SECRET,
        aws_session_token=token or None,
        config=Config(signature_version="s3v4", s3={"addressing_style": style, "us_east_1_regional_endpoint": "regional"}))


def presigned():
    """Pairs of a line for us and the URL of the judge."""
    session = botocore.session.Session()
    for region, url, addressing in ENDPOINTS:
        for token, bucket in itertools.product(TOKENS, BUCKETS if addressing != "virtual" else BUCKETS[:1]):
            client = client_of(session, region, url, addressing, token)
            for number, key in enumerate(KEYS):
                expires = (1, 3600, 604800)[number % 3]
                disposition = 'attachment; filename="a b.zip"' if number % 4 == 0 else ""
                more = {"ResponseContentDisposition": disposition} if disposition else {}
                judged = client.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key} | more, expires)
                fields = {"how": "presign", "url": url, "region": region, "addressing": addressing, "bucket": bucket,
                          "key": key, "method": "GET", "expires": str(expires), "token": token}
                yield line(fields, [("response-content-disposition", disposition)] if disposition else []), judged


def parts_of(url):
    """As it is on the wire; the order of parameters is nobody's business."""
    before, _, query = url.partition("?")
    return before, sorted(query.split("&"))


def random_requests(rng, count):
    """Pairs of a line for us and what the judge signs: target and authorization."""
    for _ in range(count):
        region = rng.choice(["us-east-1", "eu-central-1", "ap-southeast-2"])
        url = rng.choice(["https://s3.example.com", "http://127.0.0.1:9000", "https://s3.example.com:443", "http://h:80"])
        bucket, key, token = rng.choice(BUCKETS), rng.choice(["", *KEYS]), rng.choice(TOKENS)
        method = rng.choice(["GET", "HEAD", "PUT", "POST", "DELETE"])
        query = [(rng.choice(QUERY), rng.choice(VALUES)) for _ in range(rng.choice([0, 0, 1, 2, 5]))]
        headers = [(name, random_value(rng)) for name in rng.sample(HEADERS, rng.randrange(6))]
        if rng.random() < 0.2:
            headers += [("x-amz-meta-twice", random_value(rng)), ("x-amz-meta-twice", random_value(rng))]
        payload = rng.choice(["", "-", "body of it", "größe"])
        path = f"/{bucket}" + (f"/{urllib.parse.quote(key, safe='/-._~')}" if key else "")
        request = AWSRequest(method, url + path, data=b"" if payload == "-" else payload.encode(), params=query)
        for name, value in headers:
            request.headers.add_header(name, value)
        request.context["client_config"] = Config(s3={"payload_signing_enabled": payload != "-"})
        botocore.auth.S3SigV4Auth(Credentials(ACCESS, SECRET, token or None), "s3", region).add_auth(request)
        fields = {"how": "sign", "url": url, "region": region, "addressing": "path", "bucket": bucket, "key": key,
                  "method": method, "payload": payload, "token": token}
        yield line(fields, query, headers), path, request.headers["Authorization"].replace(", ", ",")


def random_value(rng):
    text = "".join(rng.choice("abcXYZ0189 -_.;,=\"/%+~()") for _ in range(rng.randrange(20)))
    return rng.choice([text, f"  {text} ", text.replace(" ", "   "), text.replace(",", "\t ")])


def main():
    prepare_the_judge()
    wrong = []
    cases = list(presigned())
    for (asked, judged), answer in zip(cases, ours(sys.argv[1], [asked for asked, _ in cases])):
        if parts_of(answer) != parts_of(judged):
            wrong.append(f"{asked}\n  ours  {answer}\n  judge {judged}")
    requests = list(random_requests(random.Random(17), 600))
    for (asked, path, judged), answer in zip(requests, ours(sys.argv[1], [asked for asked, _, _ in requests])):
        target, _, authorization = answer.partition(" ")
        if target.partition("?")[0] != path or authorization != judged:
            wrong.append(f"{asked}\n  ours  {answer}\n  judge {path} {judged}")
    for text in wrong[:5]:
        print(text)
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(cases) + len(requests)} differ from botocore {botocore.__version__}")
    print(f"{len(cases)} URLs and {len(requests)} requests as botocore {botocore.__version__} signs them")


if __name__ == "__main__":
    main()
