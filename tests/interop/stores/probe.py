"""Asks a store, request by request, what the daemon relies on. Prints what it answers; judges nothing.

docs/STORES.md is written from it. An answer is shown as its status, the error's code, and what matters of the rest.
"""
import base64
import re
import socket
import time
import xml.etree.ElementTree as ElementTree
import zlib

from objects import stretch
from s3 import tag_of

BUCKET = "probe"
MINIMUM = 5 << 20
OTHER_ETAG = '"0123456789abcdef0123456789abcdef"'


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def composite(parts):
    joined = b"".join(zlib.crc32(part).to_bytes(4, "big") for part in parts)
    return f"{crc32(joined)}-{len(parts)}"


def fields(body):
    """All leaves of an XML answer by name; the first one of each name."""
    found = {}
    try:
        for element in ElementTree.fromstring(body).iter():
            if element.text and element.text.strip():
                found.setdefault(tag_of(element), element.text.strip())
    except ElementTree.ParseError:
        pass
    return found


PARTS = [stretch("probe 1", MINIMUM), stretch("probe 2", 1000)]
WHOLE = b"".join(PARTS)


class Probe:
    def __init__(self, server):
        self.s3, self.found, self.number = server.client(), {}, 0

    def ask(self, method, key="", query=None, body=b"", headers=None):
        """Status, headers, body; status 0 if the store has closed the connection."""
        try:
            return self.s3.exchange(method, BUCKET, key, query, body, headers)
        except OSError as error:
            return 0, {}, repr(error).encode()

    def note(self, what, answer, more=""):
        """Prints and keeps a line: status, code and message of an error, and what is given."""
        status, _, body = answer
        leaves = fields(body) if status != 200 or body.find(b"<Error") >= 0 else {}
        parts = [str(status)]
        if leaves.get("Code"):
            parts.append(f"{leaves['Code']} \"{leaves.get('Message', '')[:90]}\"")
        elif status >= 400 and body:
            parts.append(body[:60].decode(errors="replace"))
        if more:
            parts.append(more)
        self.found[what] = " ".join(parts)
        print(f"     {what}: {self.found[what]}", flush=True)
        return status

    def free_key(self):
        self.number += 1
        return f"keys/{self.number}"

    # Uploads.

    def create(self, key, **headers):
        return self.ask("POST", key, {"uploads": ""}, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def upload(self, key, checksums, **headers):
        """An upload with both parts. Returns its id, or None, and the parts' ETags."""
        answer = self.create(key, **headers)
        upload_id = fields(answer[2]).get("UploadId")
        if answer[0] != 200 or not upload_id:
            return None, []
        etags = []
        for number, part in enumerate(PARTS, 1):
            sent = {"x-amz-checksum-crc32": crc32(part)} if checksums else {}
            status, found, _ = self.ask("PUT", key, {"partNumber": str(number), "uploadId": upload_id}, part, sent)
            if status != 200:
                return None, []
            etags.append(found.get("etag", ""))
        return upload_id, etags

    def complete(self, key, upload_id, etags, checksums, **headers):
        body = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>"
            + (f"<ChecksumCRC32>{crc32(PARTS[number - 1])}</ChecksumCRC32>" if checksums else "") + "</Part>"
            for number, etag in enumerate(etags, 1))
        text = f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{body}</CompleteMultipartUpload>'
        return self.ask("POST", key, {"uploadId": upload_id}, text.encode(),
                        {k.replace("_", "-"): v for k, v in headers.items()})

    def abort(self, key, upload_id):
        return self.ask("DELETE", key, {"uploadId": upload_id})

    def stored_checksum(self, key):
        _, found, _ = self.ask("HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"})
        sums = {k: v for k, v in found.items() if k.startswith("x-amz-checksum-")}
        return ", ".join(f"{k[len('x-amz-checksum-'):]}={v}" for k, v in sorted(sums.items())) or "no checksum"

    # The groups of questions.

    def conditions(self):
        key = self.free_key()
        put = self.ask("PUT", key, body=b"one", headers={"if-none-match": "*"})
        self.note("PutObject If-None-Match:*, free key", put)
        if put[0] >= 300:
            self.s3.put(BUCKET, key, b"one")
        answer = self.ask("PUT", key, body=b"two", headers={"if-none-match": "*"})
        self.note("PutObject If-None-Match:*, taken key", answer, f"body is now {self.ask('GET', key)[2]!r}")
        upload_id, etags = self.upload(key, False)
        answer = self.complete(key, upload_id, etags, False, if_none_match="*")
        now = "replaced" if self.ask("HEAD", key)[1].get("content-length") == str(len(WHOLE)) else "kept"
        listed = self.ask("GET", key, {"uploadId": upload_id})
        self.note("Complete If-None-Match:*, taken key", answer, f"object {now}; ListParts then {listed[0]}")
        self.abort(key, upload_id)
        key = self.free_key()
        upload_id, etags = self.upload(key, False)
        self.note("Complete If-None-Match:*, free key",
                  self.complete(key, upload_id, etags, False, if_none_match="*"))

    def reads(self):
        key = self.free_key()
        put = self.ask("PUT", key, body=b"0123456789", headers={"x-amz-meta-s3zipd-job": "mark"})
        etag = put[1].get("etag", "")
        self.note("PutObject", put, f"ETag {etag}, Date {put[1].get('date')}, Connection {put[1].get('connection')}")
        head = self.ask("HEAD", key)
        self.note("HEAD", head, f"ETag {head[1].get('etag')}, Last-Modified {head[1].get('last-modified')}, "
                  f"Date {head[1].get('date')}, mark {head[1].get('x-amz-meta-s3zipd-job')}")
        for name, sent in (("GET If-Match of another ETag", {"if-match": OTHER_ETAG}),
                           ("GET Range + If-Match of another ETag", {"if-match": OTHER_ETAG, "range": "bytes=2-5"}),
                           ("GET Range + If-Match of the ETag", {"if-match": etag, "range": "bytes=2-5"}),
                           ("GET Range of the whole", {"range": "bytes=0-9"}),
                           ("GET Range past the end", {"range": "bytes=8-20"}),
                           ("GET Range + checksum-mode", {"range": "bytes=0-9", "x-amz-checksum-mode": "ENABLED"})):
            answer = self.ask("GET", key, headers=sent)
            body = answer[2] if answer[0] < 300 else b""
            self.note(name, answer, f"{body.decode()} {answer[1].get('content-range', 'no Content-Range')}" if body else "")
        answer = self.ask("HEAD", key, headers={"if-match": OTHER_ETAG})
        self.note("HEAD If-Match of another ETag", answer)
        answer = self.ask("HEAD", "not/there")
        self.note("HEAD of a missing key", answer, f"{len(answer[2])} bytes of body")

    def checksum_of_put(self):
        body = b"some bytes"
        key = self.free_key()
        put = self.ask("PUT", key, body=body, headers={"x-amz-checksum-crc32": crc32(body)})
        self.note("PutObject, right CRC32", put, f"echo {put[1].get('x-amz-checksum-crc32')}, HEAD {self.stored_checksum(key)}")
        put = self.ask("PUT", key, body=body, headers={"x-amz-checksum-crc32": crc32(body),
                                                       "x-amz-sdk-checksum-algorithm": "CRC32"})
        self.note("PutObject, right CRC32 + sdk header", put, f"HEAD {self.stored_checksum(key)}")
        for name, more in (("PutObject, wrong CRC32", {}), ("PutObject, wrong CRC32 + sdk header",
                                                            {"x-amz-sdk-checksum-algorithm": "CRC32"})):
            self.note(name, self.ask("PUT", key, body=body, headers={"x-amz-checksum-crc32": crc32(b"other")} | more))

    def checksums_of_uploads(self):
        for kind in ("FULL_OBJECT", "COMPOSITE", None):
            label = kind or "no type"
            sent = {"x_amz_checksum_algorithm": "CRC32"} | ({"x_amz_checksum_type": kind} if kind else {})
            key = self.free_key()
            answer = self.create(key, **sent)
            echo = {k: answer[1].get(f"x-amz-checksum-{k}") for k in ("algorithm", "type")}
            upload_id = fields(answer[2]).get("UploadId")
            if self.note(f"Create CRC32 {label}", answer, f"echo {echo['algorithm']}, {echo['type']}") != 200:
                continue
            where = {"partNumber": "1", "uploadId": upload_id}
            for name, more in (("without a checksum", {}), ("wrong CRC32", {"x-amz-checksum-crc32": crc32(b"other")}),
                               ("right CRC32", {"x-amz-checksum-crc32": crc32(PARTS[1])})):
                answer = self.ask("PUT", key, where, PARTS[1], more)
                self.note(f"{label}: UploadPart {name}", answer, f"echo {answer[1].get('x-amz-checksum-crc32')}"
                          if answer[0] == 200 else "")
            listed = self.ask("GET", key, {"uploadId": upload_id})
            shown = {name: text for name, text in fields(listed[2]).items() if "Checksum" in name}
            self.note(f"{label}: ListParts", listed, f"{shown or 'no checksums'}, "
                      f"LastModified {fields(listed[2]).get('LastModified')}")
            self.abort(key, upload_id)
            whole = composite(PARTS) if kind == "COMPOSITE" else crc32(WHOLE)
            header = {"x_amz_checksum_crc32": whole}
            typed = header | ({"x_amz_checksum_type": kind} if kind else {})
            wrong = typed | {"x_amz_checksum_crc32": whole.replace(whole[:4], "AAAA", 1)}
            for name, in_xml, more in (("part CRCs + object CRC and type", True, typed), ("part CRCs", True, {}),
                                       ("object CRC and type", False, typed), ("object CRC", False, header),
                                       ("neither", False, {}), ("part CRCs + wrong object CRC", True, wrong)):
                key = self.free_key()
                upload_id, etags = self.upload(key, True, **sent)
                if not upload_id:
                    continue
                answer = self.complete(key, upload_id, etags, in_xml, **more)
                good = answer[0] == 200 and b"<Error" not in answer[2]
                right = f"(right is {composite(PARTS)} or {crc32(WHOLE)})"
                self.note(f"{label}: Complete with {name}", answer, f"HEAD {self.stored_checksum(key)} {right}" if good else "")
                if not good:
                    again = self.complete(key, upload_id, etags, True, **typed)
                    self.note(f"{label}: the same upload again, with all of it", again)
                    self.abort(key, upload_id)
        key = self.free_key()
        upload_id, etags = self.upload(key, True)
        if upload_id:
            self.note("no algorithm: parts with CRC32, Complete with part CRCs", self.complete(key, upload_id, etags, True),
                      f"HEAD {self.stored_checksum(key)}")

    def copies(self):
        source = self.free_key()
        self.s3.put(BUCKET, source, WHOLE)
        etag = self.ask("HEAD", source)[1].get("etag", "")
        for kind in ("FULL_OBJECT", "COMPOSITE", None):
            key = self.free_key()
            sent = {"x_amz_checksum_algorithm": "CRC32", "x_amz_checksum_type": kind} if kind else {}
            upload_id = fields(self.create(key, **sent)[2]).get("UploadId")
            if not upload_id:
                continue
            where = {"partNumber": "1", "uploadId": upload_id}
            copy = {"x-amz-copy-source": f"/{BUCKET}/{source}", "x-amz-copy-source-range": f"bytes=0-{MINIMUM - 1}"}
            answer = self.ask("PUT", key, where, headers=copy)
            found = fields(answer[2]).get("ChecksumCRC32")
            self.note(f"UploadPartCopy into {kind or 'no algorithm'}", answer, "" if answer[0] != 200 else
                      f"ChecksumCRC32 {found}, {'right' if found == crc32(PARTS[0]) else 'not that of the range'}")
            answer = self.ask("PUT", key, where, headers=copy | {"x-amz-copy-source-if-match": OTHER_ETAG})
            self.note(f"UploadPartCopy into {kind or 'no algorithm'}, if-match of another ETag", answer)
            answer = self.ask("PUT", key, where, headers=copy | {"x-amz-copy-source-if-match": etag})
            self.note(f"UploadPartCopy into {kind or 'no algorithm'}, if-match of the ETag", answer)
            self.abort(key, upload_id)

    def after_the_end(self):
        key = self.free_key()
        upload_id, etags = self.upload(key, False)
        keys = [[f.text for f in item if tag_of(f) == "Key"] for item in ElementTree.fromstring(
            self.ask("GET", "", {"uploads": "", "prefix": key})[2]) if tag_of(item) == "Upload"]
        self.note("ListMultipartUploads, prefix is the key", self.ask("GET", "", {"uploads": "", "prefix": key}), str(keys))
        for prefix in ("", "keys/"):
            answer = self.ask("GET", "", {"uploads": ""} | ({"prefix": prefix} if prefix else {}))
            self.note(f"ListMultipartUploads, prefix {prefix!r}", answer, f"{answer[2].count(b'<Upload>')} uploads")
        self.note("Abort", self.abort(key, upload_id))
        where = {"partNumber": "1", "uploadId": upload_id}
        self.note("aborted: UploadPart", self.ask("PUT", key, where, PARTS[1]))
        self.note("aborted: ListParts", self.ask("GET", key, {"uploadId": upload_id}))
        self.note("aborted: Complete", self.complete(key, upload_id, etags, False))
        self.note("aborted: Abort", self.abort(key, upload_id))
        upload_id, etags = self.upload(key, False)
        done = self.complete(key, upload_id, etags, False)
        head = self.ask("HEAD", key)
        self.note("Complete", done, f"ETag {fields(done[2]).get('ETag')}, HEAD {head[1].get('etag')}")
        self.note("completed: Complete", self.complete(key, upload_id, etags, False))
        self.note("completed: ListParts", self.ask("GET", key, {"uploadId": upload_id}))
        upload_id, etags = self.upload(key, False)
        self.note("Complete, wrong ETag of a part", self.complete(key, upload_id, [OTHER_ETAG, etags[1]], False))
        self.abort(key, upload_id)

    def cut(self, key, upload_id):
        """An UploadPart of which the store gets the head and half of the body before the connection closes."""
        where = {"partNumber": "1", "uploadId": upload_id}
        # Unsigned, as the daemon sends it: s3proxy keeps a signed body in memory until it is whole.
        method, path, headers = self.s3.prepared("PUT", BUCKET, key, where, PARTS[0], payload="UNSIGNED-PAYLOAD")
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        with socket.create_connection((self.s3.host, self.s3.port), 20) as connection:
            connection.sendall((head + f"content-length: {MINIMUM}\r\n\r\n").encode() + PARTS[0][:MINIMUM // 2])
        time.sleep(1)  # no answer shows that the store has noticed the cut

    def cut_parts(self):
        key = self.free_key()
        upload_id = fields(self.create(key)[2]).get("UploadId")
        self.cut(key, upload_id)
        self.note("a part was cut: ListParts", self.ask("GET", key, {"uploadId": upload_id}))
        self.note("a part was cut: ListMultipartUploads", self.ask("GET", "", {"uploads": "", "prefix": key}))
        etags = []
        for number, part in enumerate(PARTS, 1):
            answer = self.ask("PUT", key, {"partNumber": str(number), "uploadId": upload_id}, part)
            self.note(f"a part was cut: UploadPart {number} again", answer)
            etags.append(answer[1].get("etag", ""))
        self.note("a part was cut: ListParts then", self.ask("GET", key, {"uploadId": upload_id}))
        answer = self.complete(key, upload_id, etags, False)
        right = answer[0] == 200 and self.ask("GET", key)[2] == WHOLE
        self.note("a part was cut: Complete", answer, "the object is right" if right else "")
        key = self.free_key()
        upload_id = fields(self.create(key)[2]).get("UploadId")
        self.cut(key, upload_id)
        self.note("a part was cut: Abort", self.abort(key, upload_id))
        self.note("a part was cut: ListMultipartUploads after Abort", self.ask("GET", "", {"uploads": "", "prefix": key}))
        self.note("a part was cut: ListParts after Abort", self.ask("GET", key, {"uploadId": upload_id}))
        other = self.free_key()
        upload_id, etags = self.upload(other, False)
        self.note("a part was cut: another upload", self.complete(other, upload_id, etags, False))

    def listings(self):
        self.s3.put(BUCKET, "list/a b+c%é", b"x")
        for sent, name in (({}, ""), ({"x-amz-optional-object-attributes": "RestoreStatus"}, " + optional attributes")):
            answer = self.ask("GET", "", {"list-type": "2", "prefix": "list/", "encoding-type": "url"}, headers=sent)
            leaves = fields(answer[2])
            self.note("ListObjectsV2" + name, answer, f"EncodingType {leaves.get('EncodingType')}, Key {leaves.get('Key')}, "
                      f"LastModified {leaves.get('LastModified')}, ETag {leaves.get('ETag')}")
        answer = self.ask("GET", "", {"list-type": "2", "continuation-token": "no such token"})
        self.note("ListObjectsV2, an unknown token", answer)
        answer = self.ask("GET", "list/a b+c%é", {"attributes": ""}, headers={"x-amz-object-attributes": "Checksum,ETag"})
        self.note("GetObjectAttributes", answer, re.sub(r"\s+", " ", str(fields(answer[2])))[:120])


def probe_store(server):
    """Asks everything; returns question -> answer."""
    probe = Probe(server)
    probe.s3.create_bucket(BUCKET)
    print(f"{server.name}:", flush=True)
    for group in (probe.conditions, probe.reads, probe.checksum_of_put, probe.checksums_of_uploads, probe.copies,
                  probe.after_the_end, probe.listings, probe.cut_parts):
        try:
            group()
        except Exception as error:  # the other groups are still worth asking
            print(f"     {group.__name__}: {error!r}", flush=True)
    return probe.found
