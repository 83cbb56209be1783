"""Speaks to a ClickHouse server through clickhouse-connect and prints what it saw as one JSON object."""

import datetime
import json
import sys
import uuid

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

host, port, compress = sys.argv[1], int(sys.argv[2]), sys.argv[3]
compression = {"off": False, "on": True}.get(compress, compress)
# As the first page of its documentation has it, or with a compression by name.
options = {} if compress == "default" else {"compress": compression}
client = clickhouse_connect.get_client(host=host, port=port, **options)
seen = {"version": client.server_version}

ROWS = [
    [1, "it's", datetime.datetime(2026, 1, 2, 3, 4, 5), ["a", "b"], {"k": "v"}, None, uuid.UUID(int=7)],
    [2, "é\n\t", datetime.datetime(2026, 1, 2), [], {}, "x", uuid.UUID(int=8)],
]
NAMES = ["id", "s", "at", "list", "tags", "opt", "u"]
client.command(
    "CREATE OR REPLACE TABLE python (id UInt64, s String, at DateTime, list Array(String), tags Map(String, String),"
    " opt Nullable(String), u UUID) ENGINE = MergeTree ORDER BY id"
)
summary = client.insert("python", ROWS, column_names=NAMES)
seen["written_rows"] = summary.written_rows
back = client.query("SELECT * FROM python WHERE id >= {from:UInt64} ORDER BY id", parameters={"from": 1})
seen["equal"] = [list(row) for row in back.result_rows] == ROWS

many = 200_000
client.command("CREATE OR REPLACE TABLE python_many (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
client.insert("python_many", [list(range(many)), [f"row {n % 100}" for n in range(many)]],
              column_names=["a", "b"], column_oriented=True)
seen["many"] = client.query("SELECT count(), sum(a), uniqExact(b) FROM python_many").result_rows[0]
with client.query_row_block_stream("SELECT a FROM python_many ORDER BY a") as blocks:
    seen["streamed"] = sum(len(block) for block in blocks)

client.command("CREATE TEMPORARY TABLE python_session (a UInt8)")
client.command("INSERT INTO python_session VALUES (5)")
seen["session"] = client.command("SELECT a FROM python_session")
seen["setting"] = client.query("SELECT getSetting('max_block_size')", settings={"max_block_size": 777}).result_rows[0][0]
seen["setting_after"] = client.query("SELECT getSetting('max_block_size') = 777").result_rows[0][0]


def error_of(work):
    try:
        work()
    except ClickHouseError as error:
        return str(error)
    return None


seen["unknown_table"] = error_of(lambda: client.query("SELECT * FROM nope"))
seen["amid_rows"] = error_of(
    lambda: client.query("SELECT number, throwIf(number = 3000000) FROM numbers(5000000)",
                         settings={"wait_end_of_query": 0}).result_set
)
seen["alive_after"] = client.command("SELECT 1")
print(json.dumps(seen, default=str))
