#!/usr/bin/env bash
# Draws assets/screen.svg anew from the real screen of the demo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --quiet
socket=$(mktemp -u)
trap 'tmux -S "$socket" kill-server 2>/dev/null || true' EXIT
# Half a minute in, the ERP of the demo is down, and letters have gathered.
env -u NO_COLOR tmux -S "$socket" -f /dev/null new-session -d -s demo -x 120 -y 36 "target/debug/syncdeck demo"
sleep "${1:-14}"
tmux -S "$socket" capture-pane -e -p -t demo | python3 assets/screen.py >assets/screen.svg
