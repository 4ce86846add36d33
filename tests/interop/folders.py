"""folders.py BUCKET: puts what makes folders in an archive: empty objects with keys ending in '/', nested and alone,
and files below them. Where the S3 is, and who we are, stands in the AWS_ variables. Eight entries."""
import os
import sys

from s3 import S3

s3 = S3(os.environ["AWS_ENDPOINT_URL_S3"], os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
OBJECTS = {"alone/": b"", "nested/": b"", "nested/b/": b"", "nested/b/c/": b"", "nested/b/c/file": b"file",
           "only/the/last/": b"", "größe/文件/": b"", "größe/文件/\U0001f4e6": b"box"}
for key, body in OBJECTS.items():
    s3.put(sys.argv[1], key, body)
print(len(OBJECTS), "objects")
