"""Reads an archive object with fastavro or DuckDB and prints what it holds as one JSON object."""
import json
import sys

tool, path = sys.argv[1:3]


def with_fastavro():
    import fastavro

    with open(path, "rb") as file:
        reader = fastavro.reader(file)
        rows = list(reader)
        return {
            "metadata": {k: v for k, v in reader.metadata.items() if k.startswith("daybook.")},
            "codec": reader.codec,
            "count": len(rows),
            "offsets": [row["_offset"] for row in rows],
            "kinds": [row["_kind"] for row in rows],
            "keys": [None if row["_key"] is None else row["_key"].hex() for row in rows],
            "raw": [None if row["_raw"] is None else row["_raw"].hex() for row in rows],
            "event_ids": [str(row["event_id"]) for row in rows],
            "actors": [row["actor_id"] for row in rows],
        }


def with_duckdb():
    import pathlib

    import duckdb
    import duckdb_extension_avro

    folder = pathlib.Path(duckdb_extension_avro.__file__).parent
    (extension,) = folder.rglob("avro.duckdb_extension")
    connection = duckdb.connect()
    connection.execute(f"load '{extension}'")
    rows = connection.execute(
        "select _offset, _kind::varchar, event_id, actor_id from read_avro(?) order by _offset", [path]
    ).fetchall()
    return {
        "count": len(rows),
        "offsets": [row[0] for row in rows],
        "kinds": [row[1] for row in rows],
        "event_ids": [row[2] for row in rows],
        "actors": [row[3] for row in rows],
    }


print(json.dumps({"fastavro": with_fastavro, "duckdb": with_duckdb}[tool]()))
