#!/usr/bin/env python3
"""Prints a finished job's size, time, requests and price from its JSON on standard input."""
import json
import sys

job = json.load(sys.stdin)
result = job["result"]
seconds = result["duration_ms"] / 1000
print(f"archive   s3://{result['bucket']}/{result['key']}, {result['entries']} entries, {result['size']:,} bytes")
print(f"time      {seconds:.2f} s, {result['size'] / 1e6 / max(seconds, 0.001):.0f} MB/s")
counts = ", ".join(f"{count} {name}" for name, count in sorted(job["requests"].items()) if count)
print(f"requests  {counts}")
print(f"price     {result['cost_usd']:.6f} USD at S3's list price for these requests")
