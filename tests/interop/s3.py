"""A small S3 client on Python's standard library: signs with SigV4, path style, one connection for each request.

It is the independent hand in the interop tests: it shares nothing with the code under test.

    s3 = S3("http://127.0.0.1:7480", "access", "secret")
    s3.create_bucket("b"); s3.put("b", "a key", b"bytes"); s3.get("b", "a key"); list(s3.list("b"))
"""
import datetime
import hashlib
import hmac
import http.client
import ssl
import urllib.parse
import xml.etree.ElementTree as ElementTree

HASHED_MAX = 16 << 20  # s3proxy refuses larger bodies with a hash: it holds them in memory to compare it


class S3Error(Exception):
    def __init__(self, status, method, path, body):
        super().__init__(f"{method} {path}: HTTP {status}: {body[:300].decode('utf-8', 'replace')}")
        self.status = status


def quote(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-._~")


def tag_of(element):
    return element.tag.rpartition("}")[2]


class S3:
    def __init__(self, endpoint, access_key, secret_key, region="us-east-1", ca_file=None):
        url = urllib.parse.urlsplit(endpoint)
        self.tls = url.scheme == "https"
        self.host, self.port = url.hostname, url.port
        self.access_key, self.secret_key, self.region = access_key, secret_key, region
        self.context = ssl.create_default_context(cafile=ca_file) if self.tls else None

    def _signed_headers(self, method, path, query, payload_sha256, more):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": f"{self.host}:{self.port}", "x-amz-content-sha256": payload_sha256, "x-amz-date": now}
        headers |= more or {}
        names = ";".join(sorted(headers))
        canonical = "\n".join([method, path, query, *(f"{n}:{headers[n]}" for n in sorted(headers)), "", names,
                               payload_sha256])
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret_key).encode()
        for piece in scope.split("/"):
            key = hmac.new(key, piece.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, "
                                    f"SignedHeaders={names}, Signature={signature}")
        return headers

    def prepared(self, method, bucket="", key="", query=None, body=b"", headers=None, payload=None):
        """Method, target and signed headers of a request; payload replaces the body's SHA-256."""
        path = "/" + quote(bucket) + ("/" + quote(key, "/") if key else "")
        text = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted((query or {}).items()))
        payload = payload or ("UNSIGNED-PAYLOAD" if len(body) > HASHED_MAX else hashlib.sha256(body).hexdigest())
        signed = self._signed_headers(method, path, text, payload, headers)
        return method, path + ("?" + text if text else ""), signed

    def exchange(self, method, bucket="", key="", query=None, body=b"", headers=None):
        """Status, headers (lower case) and body of the answer, whatever it is."""
        _, target, signed = self.prepared(method, bucket, key, query, body, headers)
        if self.tls:
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=60, context=self.context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, target, body or None, signed)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, data

    def request(self, method, bucket="", key="", query=None, body=b""):
        status, _, data = self.exchange(method, bucket, key, query, body)
        if status >= 300:
            raise S3Error(status, method, f"/{bucket}/{key}", data)
        return data

    def create_bucket(self, bucket):
        self.request("PUT", bucket)

    def put(self, bucket, key, body):
        self.request("PUT", bucket, key, body=body)

    def get(self, bucket, key):
        return self.request("GET", bucket, key)

    def delete(self, bucket, key):
        self.request("DELETE", bucket, key)

    def exists(self, bucket, key):
        try:
            self.request("HEAD", bucket, key)
        except S3Error as error:
            if error.status == 404:
                return False
            raise
        return True

    def list(self, bucket, prefix=""):
        """Keys, all pages."""
        query = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
        while True:
            page = ElementTree.fromstring(self.request("GET", bucket, query=query))
            token = None
            # A server that ignores encoding-type does not return it, and its keys are as they are.
            encoded = any(tag_of(item) == "EncodingType" and item.text == "url" for item in page)
            decode = urllib.parse.unquote_plus if encoded else str
            for item in page:
                if tag_of(item) == "Contents":
                    yield from (decode(f.text) for f in item if tag_of(f) == "Key")
                elif tag_of(item) == "NextContinuationToken":
                    token = item.text
            if not token:
                return
            query["continuation-token"] = token

    def open_uploads(self, bucket, prefix=""):
        """Keys of multipart uploads that were neither completed nor aborted (the first page will do)."""
        query = {"uploads": ""} | ({"prefix": prefix} if prefix else {})
        page = ElementTree.fromstring(self.request("GET", bucket, query=query))
        return [f.text for item in page if tag_of(item) == "Upload" for f in item if tag_of(f) == "Key"]
