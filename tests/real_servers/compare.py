"""Compares what Kinto holds with what json-server holds, record by record. It knows nothing of syncdeck.

    compare.py FILMS_URL CINEMA_URL COLLECTION [--missing ID]...

Maps each film as `syncdeck.toml` asks for and demands exactly that, no record more and no record less.
`--missing` names a film that the destination must not hold. Exit status 1 when anything differs.
"""

import argparse
import base64
import datetime
import json
import os
import sys
import urllib.request

RATINGS = {"R": "restricted", "G": "general"}


def get(url, headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return json.load(answer), answer.headers


def records_of(collection):
    user = base64.b64encode(f"sync:{os.environ['CINEMA_PASSWORD']}".encode()).decode()
    url, found = f"{collection}/records?_sort=id", {}
    while url:
        answer, headers = get(url, {"Authorization": f"Basic {user}"})
        for record in answer["data"]:
            assert record["id"] not in found, f"{record['id']} stands twice"
            # Kinto's own: when it was written, and by which schema it was judged.
            del record["last_modified"], record["schema"]
            found[record["id"]] = record
        url = headers.get("Next-Page")
    return found


def text(value):
    return None if value is None else str(value)


def mapped(film, is_bundled):
    released = datetime.datetime.strptime(film["Release Date"], "%b %d %Y").date().isoformat()
    record = {
        "id": film["id"],
        "title": text(film["Title"]),
        "released": released,
        "gross": film["Worldwide Gross"],
        "changed": film["updated_at"],
    }
    if is_bundled:
        return record
    genre, rating = film["Major Genre"], film["MPAA Rating"]
    return record | {
        "budget": film["Production Budget"],
        "minutes": film["Running Time min"],
        "genre": genre and genre.lower(),
        "rating": rating and RATINGS.get(rating, "other"),
        "director": film["Director"],
        "score": {"imdb": film["IMDB Rating"], "critics": film["Rotten Tomatoes Rating"]},
        "label": f"{film['Title']} / {film['Release Date']}",
        "origin": "vega",
    }


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("films_url")
    asked.add_argument("cinema_url")
    asked.add_argument("collection")
    asked.add_argument("--missing", action="append", default=[])
    asked = asked.parse_args()
    is_bundled = asked.collection == "bundled"
    films, _ = get(f"{asked.films_url}/films", {})
    gone = set(asked.missing) | {film["id"] for film in films if film["withdrawn"] and not is_bundled}
    wanted = {film["id"]: mapped(film, is_bundled) for film in films if film["id"] not in gone}
    found = records_of(f"{asked.cinema_url}/buckets/cinema/collections/{asked.collection}")
    wrong = [id for id in sorted(wanted.keys() | found.keys()) if wanted.get(id) != found.get(id)]
    for id in wrong[:5]:
        print(f"  {id}\n    wanted {wanted.get(id)}\n    found  {found.get(id)}")
    if wrong:
        sys.exit(f"{len(wrong)} of {len(wanted)} records differ in `{asked.collection}`")
    print(f"{len(found)} records of `{asked.collection}` are exactly the films, {len(gone)} left out")


main()
