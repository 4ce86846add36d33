"""Whether a store excludes a race: two conditional writes to one key by this client, at the same time.

Some stores honour If-None-Match but look and write in two steps, so two writes at the same moment both pass. The
answers do not show this to a client. These rounds do, without the daemon.
"""
import threading

from s3 import S3Error

ROUNDS = 30


def prepare(s3, bucket, key, multipart):
    """The last request of one writer: a function that returns its status."""
    once = {"if-none-match": "*"}
    if not multipart:
        return lambda: s3.exchange("PUT", bucket, key, body=b"one of two", headers=once)[0]
    answer = s3.request("POST", bucket, key, {"uploads": ""})
    upload_id = answer.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    where = {"uploadId": upload_id}
    status, headers, body = s3.exchange("PUT", bucket, key, where | {"partNumber": "1"}, b"one of two")
    if status != 200:
        raise S3Error(status, "PUT", f"/{bucket}/{key}", body)
    parts = (f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{headers['etag']}</ETag></Part>"
             "</CompleteMultipartUpload>").encode()

    def complete():
        status, _, body = s3.exchange("POST", bucket, key, where, parts, once)
        if status != 200 or b"<Error" in body:
            s3.exchange("DELETE", bucket, key, where)
            return max(status, 300)
        return status
    return complete


def one_round(s3, bucket, key, multipart):
    """How many of two writers the store has given a 200."""
    writers = [prepare(s3, bucket, key, multipart) for _ in range(2)]
    barrier, statuses = threading.Barrier(2), []

    def write(writer):
        barrier.wait(20)
        statuses.append(writer())

    threads = [threading.Thread(target=write, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    s3.delete(bucket, key)
    return statuses.count(200)


def both_win(s3, bucket, multipart):
    """Text such as "3 of 7 rounds" if two writers have passed at once; "" if that was never seen in ROUNDS rounds."""
    for number in range(1, ROUNDS + 1):
        if one_round(s3, bucket, f"race/of another client {number}", multipart) == 2:
            return f"round {number} of {ROUNDS}"
    return ""
