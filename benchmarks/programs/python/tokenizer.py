import re
from typing import Iterator, NamedTuple


class Token(NamedTuple):
    kind: str
    text: str
    position: int


PATTERN = re.compile(r"(?P<number>\d+)|(?P<name>[a-z]\w*)|(?P<sign>[-+*/()])|(?P<space>\s+)")


def tokenize(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = PATTERN.match(text, position)
        if match is None:
            raise SyntaxError(f"unexpected {text[position]!r} at {position}")
        if match.lastgroup != "space":
            yield Token(match.lastgroup, match.group(), position)
        position = match.end()


for token in tokenize("alpha + 12*(beta-3)"):
    print(token)
