"""Reads a funnel over HTTP with DuckDB: the CSV and the JSON.

    python duckdb_funnel.py BASE_URL READ_TOKEN SITE 'stages=search..purchase&from=-30d'

httpfs comes from PyPI here; where DuckDB may fetch extensions, INSTALL httpfs does the same.
"""
import json
import pathlib
import sys

import duckdb
import duckdb_extension_httpfs

base, token, site, question = sys.argv[1:5]
folder = pathlib.Path(duckdb_extension_httpfs.__file__).parent
db = duckdb.connect()
db.execute(f"LOAD '{next(folder.rglob('*.duckdb_extension'))}'")

# One GET instead of a HEAD and a GET: the question is answered once.
db.execute("SET force_download = true")
db.execute(f"CREATE SECRET waystage (TYPE http, BEARER_TOKEN '{token}', SCOPE '{base}')")

ask = f"{base}/v1/sites/{site}/funnels:ask?{question}&by=persona"
csv = db.sql(f"""
    SELECT label, count, conversion_from_first, epoch(as_of)
    FROM read_csv('{ask}&format=csv') WHERE part = 'whole' ORDER BY step""").fetchall()
kinds = dict(db.sql(f"""
    SELECT column_name, column_type FROM (DESCRIBE FROM read_csv('{ask}&format=csv'))
    """).fetchall())
rows = db.sql(f"""
    SELECT s.label, s.count, s.conversionFromFirst.value
    FROM (SELECT unnest(steps) AS s FROM read_json('{ask}')) ORDER BY s.step""").fetchall()

print(json.dumps({
    "csv": [[label, count, share] for label, count, share, _ in csv],
    "as_of": csv[0][3],
    "kinds": {name: kinds[name] for name in ["persona", "count", "conversion_from_first", "as_of"]},
    "json": rows,
}))
