"""Reads a funnel into pandas: as CSV, as Arrow, and the persons behind a number page by page.

    python pandas_funnel.py BASE_URL READ_TOKEN SITE 'stages=search..purchase&from=-30d'
"""
import json
import sys
import urllib.request

import pandas
import pyarrow

base, token, site, question = sys.argv[1:5]
headers = {"Authorization": f"Bearer {token}"}
funnels = f"{base}/v1/sites/{site}/funnels"

steps = pandas.read_csv(
    f"{funnels}:ask?{question}&by=persona&format=csv",
    storage_options=headers,
    parse_dates=["from_time", "to_time", "as_of", "fresh_until"],
)
whole = steps[steps["part"] == "whole"]
by_persona = steps[steps["part"] == "group"].pivot(
    index="persona", columns="label", values="count"
)

arrow = urllib.request.Request(
    f"{funnels}:ask?{question}&by=persona",
    headers={**headers, "Accept": "application/vnd.apache.arrow.stream"},
)
with urllib.request.urlopen(arrow) as answer:
    typed = pyarrow.ipc.open_stream(answer).read_pandas()

pages, token_of_next = [], ""
while True:
    url = f"{funnels}:listPersons?{question}&stepNumber=1&pageSize=3&format=csv"
    request = urllib.request.Request(f"{url}&pageToken={token_of_next}", headers=headers)
    with urllib.request.urlopen(request) as answer:
        token_of_next = answer.headers.get("X-Next-Page-Token")
        pages.append(pandas.read_csv(answer, dtype={"person_id": str}))
    if not token_of_next:
        break
persons = pandas.concat(pages)

print(json.dumps({
    "counts": whole["count"].tolist(),
    "pro": by_persona.loc["pro"].to_dict(),
    "as_of": whole["as_of"].iloc[0].isoformat(),
    "arrow": typed[typed["part"] == "whole"]["count"].tolist(),
    "arrow_as_of": typed["as_of"].iloc[0].isoformat(),
    "pages": len(pages),
    "users": sorted(persons["user_id"].dropna().tolist()),
    "distinct": int(persons["person_id"].nunique()),
}))
