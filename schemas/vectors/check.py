"""Checks the vectors with an independent implementation: pip install fastavro, then python3 schemas/vectors/check.py"""

import hashlib
import io
import json
import pathlib
import struct

import fastavro

HERE = pathlib.Path(__file__).parent
schema = fastavro.parse_schema(json.loads((HERE / "../avro/audit-event.v1.avsc").read_text()))


def key(*texts):
    preimage = b"".join(struct.pack(">I", len(t.encode())) + t.encode() for t in texts)
    return hashlib.sha256(preimage).digest()[:8].hex()


for vector in json.loads((HERE / "keys.json").read_text()):
    assert key(vector["tenantId"], vector["targetType"], vector["targetId"]) == vector["key"], vector

for vector in json.loads((HERE / "events.json").read_text()):
    avro = bytes.fromhex(vector["avro"])
    source = io.BytesIO(avro)
    event = fastavro.schemaless_reader(source, schema)
    assert source.read() == b"", "bytes follow the record"
    assert event["tenant_id"] == vector["event"]["tenant_id"]
    assert event["sequence"] == vector["event"]["sequence"]
    again = io.BytesIO()
    fastavro.schemaless_writer(again, schema, event)
    assert again.getvalue() == avro, vector["name"]
    assert vector["value"] == (b"\0" + struct.pack(">I", 7) + avro).hex()

print("all vectors hold")
