#!/usr/bin/env bash
# Two real servers and the real program: json-server (npm) is the source, Kinto (PyPI) the destination.
#
#   tests/real_servers/run.sh
#
# It needs node, npm, python3 with venv, curl, jq and tmux; packages come from npm and PyPI. The program is $SYNCDECK,
# else it is built by cargo. Packages are kept in $SYNCDECK_REAL_SERVERS, where that is set, for the next time.
# Everything else is made in a folder of its own that is removed at the end. The first thing that is off ends it with 1.
set -euo pipefail
unset SYNCDECK_CONFIG SYNCDECK_LOG NO_COLOR

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/syncdeck-real.XXXXXX")
packages=${SYNCDECK_REAL_SERVERS:-$work/packages}
started_at=$SECONDS
servers=()

say() { printf '%4ds  %s\n' $((SECONDS - started_at)) "$*"; }
fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    exit 1
}

leave() {
    local status=$?
    trap - EXIT
    [ -z "${runner:-}" ] || kill -9 "$runner" 2>/dev/null || true
    if [ "$status" -ne 0 ] && screen >"$work/screen.txt" 2>/dev/null; then
        printf -- '--- the screen\n' >&2
        cat "$work/screen.txt" >&2
    fi
    tmux -S "$work/tmux" kill-server 2>/dev/null || true
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    if [ "$status" -ne 0 ]; then
        for log in "$work"/*.log "$work"/state/logs/*; do
            [ -s "$log" ] || continue
            printf -- '--- the end of %s\n' "${log#"$work"/}" >&2
            tail -n 8 "$log" | cut -c 1-300 >&2
        done
    fi
    rm -rf "$work"
    exit "$status"
}
trap leave EXIT
trap 'exit 130' INT TERM

# wait_until WHAT SECONDS COMMAND…: asks ten times a second; what does not come true in time is a failure.
wait_until() {
    local what=$1 until=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "$what did not come about in time"
        sleep 0.1
    done
}

# ── The programs ─────────────────────────────────────────────────────────────
for tool in node npm python3 curl jq tmux; do
    command -v "$tool" >/dev/null || fail "\`$tool\` is missing; on Debian: apt-get install nodejs npm python3-venv curl jq tmux"
done
if [ -z "${SYNCDECK:-}" ]; then
    say "building syncdeck"
    root=$(cd "$here/../.." && pwd)
    (cd "$root" && cargo build --quiet --bin syncdeck)
    SYNCDECK=${CARGO_TARGET_DIR:-$root/target}/debug/syncdeck
fi
SYNCDECK=$(realpath "$SYNCDECK")
[ -x "$SYNCDECK" ] || fail "\`$SYNCDECK\` is no program"

mkdir -p "$packages/node"
if [ ! -x "$packages/node/node_modules/.bin/json-server" ]; then
    say "npm install json-server vega-datasets"
    (cd "$packages/node" && npm install --silent --no-audit --no-fund --prefix . json-server@0.17.4 vega-datasets@3.2.1 </dev/null)
fi
if [ ! -x "$packages/python/bin/kinto" ]; then
    say "pip install kinto"
    python3 -m venv "$packages/python"
    "$packages/python/bin/pip" install --quiet --disable-pip-version-check 'kinto==26.5.0' </dev/null
fi
cp "$here/syncdeck.toml" "$work/"
python3 "$here/films.py" "$packages/node/node_modules/vega-datasets/data/movies.json" "$work/db.json" >"$work/films.txt"
say "the source: $(cat "$work/films.txt")"
cd "$work"

# ── The servers ──────────────────────────────────────────────────────────────
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answers() { curl --silent --fail --max-time 2 --output /dev/null "$1"; }

# serve NAME URL_PATH COMMAND…: starts a server on a free port, which is `PORT` in the command. Sets `port`.
serve() {
    local name=$1 path=$2 try pid until
    shift 2
    for try in 1 2 3; do
        port=$(free_port)
        "${@//PORT/$port}" </dev/null >"$name.log" 2>&1 &
        pid=$!
        until=$((SECONDS + 60))
        # Another program may have taken the port in between; then the server ends and the next port is tried.
        while kill -0 "$pid" 2>/dev/null && [ "$SECONDS" -lt "$until" ]; do
            if answers "http://127.0.0.1:$port$path"; then
                servers+=("$pid")
                say "$name answers on port $port"
                return
            fi
            sleep 0.1
        done
        kill "$pid" 2>/dev/null || true
    done
    fail "$name does not start (tried $try times)"
}

serve json-server /films/film_00001 node "$packages/node/node_modules/.bin/json-server" \
    --quiet --host 127.0.0.1 --port PORT db.json
export FILMS_PORT=$port
serve kinto /v1/ "$packages/python/bin/kinto" start --ini "$here/kinto.ini" --port PORT
export CINEMA_PORT=$port
CINEMA_PASSWORD=$(python3 -c 'import secrets; print(secrets.token_hex(12))')
export CINEMA_PASSWORD
films=http://127.0.0.1:$FILMS_PORT
cinema=http://127.0.0.1:$CINEMA_PORT/v1

# kinto METHOD PATH [BODY]
kinto() {
    curl --silent --show-error --fail --max-time 20 --user "sync:$CINEMA_PASSWORD" -X "$1" "$cinema$2" \
        -H 'Content-Type: application/json' ${3:+--data "$3"}
}
change() {
    curl --silent --show-error --fail --max-time 20 -X PATCH "$films/films/$1" \
        -H 'Content-Type: application/json' --data "$2" >/dev/null
}
n_records() {
    curl --silent --fail --head --max-time 20 --user "sync:$CINEMA_PASSWORD" \
        "$cinema/buckets/cinema/collections/$1/records" | tr -d '\r' | awk 'tolower($1) == "total-records:" { print $2 }'
}
# How many single records Kinto was asked to write so far.
n_writes() { grep -c '"method": *"PUT".*/collections/films/records/\|/collections/films/records/.*"method": *"PUT"' kinto.log || true; }
compare() {
    local told
    told=$(python3 "$here/compare.py" "$films" "$cinema" "$@" 2>&1) || fail "the destination is not what it must be:
$told"
    say "  $told"
}

kinto PUT /accounts/sync "{\"data\": {\"password\": \"$CINEMA_PASSWORD\"}}" >/dev/null
kinto PUT /buckets/cinema >/dev/null
schema='{"data": {"schema": {"type": "object", "required": ["title", "released"], "properties": {
    "title": {"type": "string"}, "released": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    "gross": {"type": ["integer", "null"]}}}}}'
for collection in films bundled; do
    kinto PUT "/buckets/cinema/collections/$collection" "$schema" >/dev/null
done

# run NAME STATUS WORDS…: `syncdeck WORDS…`, whose exit status must be STATUS; its last JSON line is kept in NAME.json.
run() {
    local name=$1 wanted=$2 status=0
    shift 2
    "$SYNCDECK" "$@" </dev/null >"$name.out" 2>"$name.log" || status=$?
    [ "$status" -eq "$wanted" ] || fail "\`syncdeck $*\` ended with $status instead of $wanted: $(tail -n 3 "$name.out" | cut -c 1-2000)"
    tail -n 1 "$name.out" >"$name.json"
}
# counts NAME FILTER: what the run counted must fulfil the filter of jq, and must balance.
counts() {
    local balance='.scanned == .created + .updated + .deleted + .skipped + .held + .errored'
    local shown
    shown=$(jq -r '"\(.scanned) scanned = \(.created) created + \(.updated) updated + \(.deleted) deleted + \(.skipped) skipped + \(.held) held + \(.errored) errored"' "$1.json")
    say "  $shown"
    jq -e ".event == \"finished\" and ($balance)" "$1.json" >/dev/null || fail "the counts of $1 do not balance"
    jq -e "$2" "$1.json" >/dev/null || fail "$1: expected $2"
}

# ── The story ────────────────────────────────────────────────────────────────
say "syncdeck check without the variables names each of them"
(unset FILMS_PORT CINEMA_PORT CINEMA_PASSWORD && run unset 2 check)
[ "$(grep -c 'is not set' unset.log)" -eq 3 ] || fail "check did not name the three missing variables"
say "syncdeck check"
run check 0 check

# One film of the data has no title, and Kinto's schema demands one.
untitled=$(jq -r '.films[] | select(.Title == null) | .id' db.json)
say "a first sync, one request a record; Kinto will refuse $untitled"
run first 3 run films --once --json
counts first '.scanned == 3201 and .created == 3200 and .errored == 1 and .checkpoint.watermark.id == "film_03201"'
compare films --missing "$untitled"
[ "$(n_writes)" -eq 3201 ] || fail "$(n_writes) writes reached Kinto instead of 3201"

say "nothing changed, so nothing is written"
run again 0 run films --once --json
counts again '.created + .updated + .deleted + .errored == 0'
[ "$(n_writes)" -eq 3201 ] || fail "an unchanged film was written again"

say "two films change at the source, one is withdrawn"
change film_00007 '{"Director": "Zoë “Ω” O’Neil", "updated_at": "2026-02-01T00:00:00Z"}'
change film_01500 '{"Worldwide Gross": 9007199254740993, "Release Date": "Feb 29 2008", "updated_at": "2026-02-01T00:00:00Z"}'
change film_02000 '{"withdrawn": true, "updated_at": "2026-02-01T00:00:01Z"}'
run incremental 0 run films --once --json
counts incremental '.created == 0 and .updated == 2 and .deleted == 1 and .errored == 0 and .scanned < 50'
[ "$(n_writes)" -eq 3203 ] || fail "the incremental sync wrote $(($(n_writes) - 3201)) records instead of 2"
compare films --missing "$untitled"

say "a film changes and keeps its time, so only a full read can see it"
change film_00100 '{"Director": "Nobody said so"}'
run unseen 0 run films --once --json
counts unseen '.updated == 0'
run full 3 run films --once --full --json
counts full '.scanned == 3201 and .updated == 1 and .created == 0'
compare films --missing "$untitled"

# ── The console ──────────────────────────────────────────────────────────────
console() { tmux -S "$work/tmux" "$@"; }
screen() { console capture-pane -p -t syncdeck; }
shows() { screen | grep -qF -- "$1"; }
sees() { wait_until "the console showing \"$1\"" 20 shows "$1"; }
press() { console send-keys -t syncdeck "$@"; }

# A new job begins by itself as soon as an engine serves; this one's turn comes at the end.
run held_back 0 pause films_in_batches --reason "its turn comes later"

say "$untitled gets its title at the source; the record is retried from the console"
change "$untitled" '{"Title": "Found at last", "updated_at": "2026-02-01T00:00:02Z"}'
console -f /dev/null new-session -d -s syncdeck -x 120 -y 36 "$SYNCDECK console"
sees 'dead letter waits'
press 2
sees 'None is not of type'
press Enter
sees "$untitled"
press Enter
sees 'Nov 03 2006'
press r
wait_until "$untitled at the destination" 20 kinto GET "/buckets/cinema/collections/films/records/$untitled"
sees 'recovered'
sees 'dead 0'
say "  the console said:$(screen | grep -o ' ✓ .*retrying 1 dead letter[^[]*' | head -n 1)"
press q
wait_until "the console ending" 20 bash -c "! tmux -S '$work/tmux' has-session 2>/dev/null"
run dead 0 dead list --json
jq -e '[.letters[] | select(.record == "'"$untitled"'")] | length == 0' dead.out >/dev/null ||
    fail "the retried record still waits in the dead letters"
compare films
run settled 0 run films --once --json
counts settled '.errored == 0'

# ── One engine, many screens ─────────────────────────────────────────────────
engine() { curl --silent --fail --max-time 20 --unix-socket state/control.sock "http://engine$1"; }
# why NAME STATUS RECORD VERDICT: what `syncdeck why` says of a film, asked live.
why() {
    run "$1" "$2" why films "$3" --live --json
    jq -e --arg verdict "$4" '.answers[0].verdict == $verdict' "$1.json" >/dev/null ||
        fail "why $3: $(jq -c '.answers[0] | {verdict, sentence}' "$1.json") instead of $4"
    say "  $(jq -r '.answers[0].sentence' "$1.json")"
}

say "serve: commands and a screen attach to one engine"
"$SYNCDECK" serve </dev/null >serve.out 2>serve.log &
runner=$!
wait_until "the engine answering" 20 engine /healthz
engine /metrics | grep -qF 'syncdeck_job_scanned_total{job="films"}' || fail "the metrics do not name the job"
console -f /dev/null new-session -d -s syncdeck -x 120 -y 36 "$SYNCDECK console --attach"
sees "ATTACHED pid $runner"
say "why is a film there, and why is it not"
why written 0 film_00005 unchanged
change film_00042 '{"Title": null, "updated_at": "2026-02-01T00:00:03Z"}'
run trigger 0 trigger films
sees 'films: 1 new dead letter'
why refused 3 film_00042 dead_letter
say "its title is put in by hand; what is sent goes through the engine that serves"
letter=$("$SYNCDECK" dead list --json | jq -r '.letters[] | select(.record == "film_00042") | .id')
run edit 0 dead edit "$letter" --set 'title="Named by hand"' --reason "the source is being mended"
named() { kinto GET /buckets/cinema/collections/films/records/film_00042 | jq -e '.data.title == "Named by hand"' >/dev/null; }
wait_until "the title at the destination" 20 named
sees 'dead 0'
say "paused on the command line, seen on the screen; rewound to the start, nothing is written again"
run pause 0 pause films --reason "a customer calls"
sees 'a customer calls'
before=$(n_writes)
last_run=$("$SYNCDECK" runs films --json | jq '.runs[0].id')
run rewind 0 checkpoint rewind films --start --reason "to be sure" --yes
run resume 0 resume films
run rerun 0 trigger films
reread() {
    "$SYNCDECK" runs films --json | jq -e --argjson last "$last_run" \
        '[.runs[] | select(.id > $last)] | length > 0 and all(.ended_at != null) and any(.scanned >= 3200)' >/dev/null
}
wait_until "everything read again" 60 reread
# The film that the source still tells without a title is tried and refused, once by each of the two runs.
[ "$(n_writes)" -le $((before + 2)) ] || fail "after the rewind $(($(n_writes) - before)) films were written"
run plan 0 plan films --json
jq -e '.counts.created + .counts.deleted == 0' plan.out >/dev/null || fail "the dry run: $(jq -c .counts plan.out)"
press q
wait_until "the screen ending" 20 bash -c "! tmux -S '$work/tmux' has-session 2>/dev/null"
engine /healthz >/dev/null || fail "the engine ended with the screen"
kill -TERM "$runner"
wait "$runner" || fail "serve ended with $?"
runner=
run verify 0 journal verify
run journal 0 journal --json
for action in pause rewind resume; do
    jq -e --arg action "$action" '[.entries[].action] | index($action) != null' journal.out >/dev/null ||
        fail "the journal does not know the $action"
done
change film_00042 '{"Title": "Named by hand", "updated_at": "2026-02-01T00:00:04Z"}'
run named 0 run films --once --json
compare films

# ── kill -9 ──────────────────────────────────────────────────────────────────
say "everything again from nothing, and kill -9 in the middle, three times"
kinto DELETE /buckets/cinema/collections/films >/dev/null
kinto PUT /buckets/cinema/collections/films "$schema" >/dev/null
rm -rf state
written_before=$(n_writes)
has_records() { [ "$(n_records films)" -ge "$1" ]; }
for killed_at in 300 1100 2300; do
    "$SYNCDECK" run films --once --json </dev/null >>killed.out 2>>killed.log &
    runner=$!
    wait_until "$killed_at records at the destination" 120 has_records "$killed_at"
    kill -9 "$runner" 2>/dev/null || fail "the run was over before it could be killed at $killed_at records"
    wait "$runner" 2>/dev/null || true
    runner=
    say "  killed with $(n_records films) records at the destination, checkpoint: $("$SYNCDECK" status films --json | jq -c '.jobs[0] | {scanned, sequence: .checkpoint.sequence}')"
done
run recovered 0 run films --once --json
counts recovered '.errored == 0'
"$SYNCDECK" status films --json >status.json
# A film that was written before the kill and not yet saved is read again and written again, to the same effect.
jq -e '.jobs[0] | .scanned == .created + .updated + .deleted + .skipped + .held + .errored and .scanned == 3201' status.json >/dev/null ||
    fail "after the kills the counts are $(jq -c '.jobs[0] | {scanned, created, updated, deleted, skipped, held, errored}' status.json)"
n=$(($(n_writes) - written_before))
[ "$n" -ge 3200 ] && [ "$n" -le 4400 ] || fail "3200 films took $n writes"
say "  $n writes in all"
compare films

# ── Batches ──────────────────────────────────────────────────────────────────
say "the same films 25 a request, killed once on the way"
"$SYNCDECK" run films_in_batches --once --json </dev/null >>killed.out 2>>killed.log &
runner=$!
bundled_has() { [ "$(n_records bundled)" -ge "$1" ]; }
wait_until "500 records at the destination" 120 bundled_has 500
kill -9 "$runner" 2>/dev/null || fail "the batches were over before they could be killed"
wait "$runner" 2>/dev/null || true
runner=
run batches 0 run films_in_batches --once --json
counts batches '.errored == 0'
compare bundled

say "a batch with one bad record: that record alone is dead-lettered"
for id in film_00011 film_00012 film_00013; do
    change "$id" '{"Director": "Someone else", "updated_at": "2026-03-01T00:00:00Z", "Distributor": "x"}'
done
change film_00012 '{"Title": null, "updated_at": "2026-03-01T00:00:00Z"}'
change film_00013 '{"Title": "Better known as", "updated_at": "2026-03-01T00:00:00Z"}'
run mixed 3 run films_in_batches --once --json
counts mixed '.updated == 2 and .errored == 1'
change film_00012 '{"Title": "Named again", "updated_at": "2026-03-01T00:00:01Z"}'
run mended 0 run films_in_batches --once --json
counts mended '.updated == 1 and .errored == 0'
compare bundled

if grep -rqF "$CINEMA_PASSWORD" state ./*.out; then fail "the password stands in a file that syncdeck wrote"; fi
say "the password stands in no file that syncdeck wrote"
say "all is well"
