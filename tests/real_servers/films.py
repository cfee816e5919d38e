"""Makes the database of json-server from the movies of the npm package vega-datasets.

    films.py MOVIES.json DB.json

Every film gets an id and a time of its last change. Four films share each time, because real ones do too.
"""

import datetime
import json
import sys

movies_path, db_path = sys.argv[1:]
with open(movies_path, encoding="utf-8") as file:
    movies = json.load(file)
first = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
films = []
for number, movie in enumerate(movies, start=1):
    changed = first + datetime.timedelta(seconds=number // 4)
    film = {"id": f"film_{number:05}", "updated_at": changed.strftime("%Y-%m-%dT%H:%M:%SZ"), "withdrawn": False}
    films.append(film | movie)
with open(db_path, "w", encoding="utf-8") as file:
    json.dump({"films": films}, file)
print(f"{len(films)} films, {sum(film['Title'] is None for film in films)} of them without a title")
