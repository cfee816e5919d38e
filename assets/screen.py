"""Makes an SVG of a terminal's screen: `tmux capture-pane -e -p | screen.py > screen.svg`."""

import re
import sys
from html import escape

WIDTH, HEIGHT, PAD = 8.4, 17, 12
PALETTE = ["#45475a", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d5d9e0"]
INK, PAPER = "#d5d9e0", "#16181d"


def colour(codes):
    """The colour of `38;…`; none for what the demo does not use."""
    if codes[:1] == [5] and len(codes) > 1:
        return codes[2:], PALETTE[codes[1] % 8] if codes[1] < 16 else INK
    if codes[:1] == [2] and len(codes) > 3:
        return codes[4:], "#%02x%02x%02x" % tuple(codes[1:4])
    return [], INK


def restyled(style, codes):
    codes = codes or [0]
    while codes:
        code, codes = codes[0], codes[1:]
        if code == 0:
            style = {}
        elif code in (1, 2, 3, 7):
            style = style | {code: True}
        elif code in (22, 23, 27):
            style = {key: value for key, value in style.items() if key not in {22: (1, 2), 23: (3,), 27: (7,)}[code]}
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = style | {"ink": PALETTE[code % 10]}
        elif code == 39:
            style = {key: value for key, value in style.items() if key != "ink"}
        elif code == 38:
            codes, ink = colour(codes)
            style = style | {"ink": ink}
    return style


def runs(line, style):
    """The texts of a line with their columns and styles, and the style that goes on."""
    found, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            style = restyled(style, [int(code or 0) for code in part[2:-1].split(";")])
        elif part:
            found.append((column, part, style))
            column += len(part)
    return found, style


def drawn(row, column, text, style):
    x, y = PAD + column * WIDTH, PAD + row * HEIGHT
    width = len(text) * WIDTH
    ink, parts = style.get("ink", INK), []
    if 7 in style:
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{HEIGHT}" fill="{ink}"/>')
        ink = PAPER
    marks = (' font-weight="bold"' if 1 in style else "") + (' opacity=".6"' if 2 in style else "")
    marks += ' font-style="italic"' if 3 in style else ""
    if text.strip():
        kept = text.rstrip()
        x += (len(kept) - len(kept.lstrip())) * WIDTH
        kept = kept.lstrip()
        length = len(kept) * WIDTH
        parts.append(
            f'<text x="{x:.1f}" y="{y + 13}" fill="{ink}"{marks} textLength="{length:.1f}" '
            f'lengthAdjust="spacingAndGlyphs">{escape(kept)}</text>'
        )
    return parts


lines, style, parts = sys.stdin.read().rstrip("\n").split("\n"), {}, []
columns = 0
for row, line in enumerate(lines):
    found, style = runs(line, style)
    for column, text, its in found:
        columns = max(columns, column + len(text))
        parts += drawn(row, column, text, its)
width, height = columns * WIDTH + 2 * PAD, len(lines) * HEIGHT + 2 * PAD
print(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" '
    'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">'
    f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>'
)
print("\n".join(parts))
print("</svg>")
