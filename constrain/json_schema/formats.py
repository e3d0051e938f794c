"""The formats of JSON Schema as regular languages, each written down once as a pattern.

Patterns are Python's, read with ASCII classes, and stand for whole strings. Where a format is
not regular this is a language inside it, never beyond it:

- `hostname` and `idn-hostname` have no Punycode labels (`xn--...`), whose validity takes a
  decoder; names of more than three labels are bounded so that they surely fit into 253 octets;
- `idn-hostname` has letters of some left-to-right scripts only, at most 13 in a label that is
  not ASCII, so that its Punycode surely fits into 63 octets;
- `regex` is the subset of ECMA-262 that `_REGEX` spells out, with groups nested two deep.

A format that is not listed here is an annotation, as the specification says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from constrain.automata.dfa import leaf
from constrain.automata.regex_to_dfa import from_node
from constrain.syntax import regex_ast as regex, regex_parser

# ------------------------------------------------------------------ time (RFC 3339)

_COMMON_LEAP = r"\d\d(?:0[48]|[2468][048]|[13579][26])"
_LEAP_YEAR = rf"(?:{_COMMON_LEAP}|(?:[02468][048]|[13579][26])00)"
DATE = (
    r"(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    rf"|02-(?:0[1-9]|1\d|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_HOUR, _MINUTE = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
TIME = rf"{_HOUR}:{_MINUTE}:{_MINUTE}(?:\.\d+)?(?:[Zz]|[+-]{_HOUR}:{_MINUTE})"


def _leap_seconds() -> str:
    """Second 60 comes at 23:59 UTC, so the local minute settles the offset, up to its sign."""
    return "|".join(leap_minute(minute) for minute in range(24 * 60))


def leap_minute(minute: int) -> str:
    ahead, behind = (minute + 1) % 1440, 1439 - minute
    offsets = [rf"\+{_clock(ahead)}", f"-{_clock(behind)}", *(["[Zz]"] if ahead == 0 else [])]
    return rf"{_clock(minute)}:60(?:\.\d+)?(?:{'|'.join(offsets)})"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _time() -> str:
    return f"(?:{TIME}|{_leap_seconds()})"


_DURATION = r"P(?:\d+W|(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?:T{time})?|T{time})".replace(
    "{time}", r"(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)"
)

# ------------------------------------------------------------------ addresses

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_GROUP = r"[0-9A-Fa-f]{1,4}"


def _ipv6() -> str:
    """Eight groups, the last two perhaps as an IPv4 address, with one run of zeros left out."""
    last = rf"(?:{_GROUP}:{_GROUP}|{_IPV4})"
    forms = [rf"(?:{_GROUP}:){{6}}{last}"]
    for n in range(6):  # groups that stand before "::"; behind it at most 7 - n
        before = rf"{_GROUP}(?::{_GROUP}){{{n - 1}}}" if n else ""
        most = 5 - n
        behind = rf"(?:{_GROUP}:){{0,{most}}}{last}" if most else last
        forms.append(rf"{before}::(?:{behind}|{_GROUP})?")
    forms.append(rf"{_GROUP}(?::{_GROUP}){{5}}::(?:{_GROUP})?")
    forms.append(rf"{_GROUP}(?::{_GROUP}){{6}}::")
    return f"(?:{'|'.join(forms)})"


_IPV6 = _ipv6()
_LDH = "[0-9A-Za-z]"


def _label(most: int, letters: str = "0-9A-Za-z") -> str:
    """A label of up to `most` characters without "--" at its third place."""
    one = f"[{letters}]"
    if most < 5:
        return rf"{one}(?:[{letters}-]{{0,{most - 2}}}{one})?" if most > 1 else one
    middle = rf"(?:{one}[{letters}-]|-{one})"  # places 3 and 4
    return (
        rf"{one}(?:[{letters}-]{{0,2}}{one}|[{letters}-]{middle}[{letters}-]{{0,{most - 5}}}{one})?"
    )


_LABELS = ((3, 63), (4, 62), (8, 30), (16, 14), (63, 3))
"""(how many labels there may be, their most characters): each pair fits into 253."""


def _hostname(label: Callable[[int], str], dot: str) -> str:
    forms = (f"{label(most)}(?:{dot}{label(most)}){{0,{n - 1}}}" for n, most in _LABELS)
    return f"(?:{'|'.join(forms)})"


_LETTERS = (
    "\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa"
    "\u4e00-\u9fa5\uac00-\ud7a3"
)
_IDN_DOT = "[.\u3002\uff0e\uff61]"


def _idn_label(most: int) -> str:
    """ASCII, or letters and digits of some scripts that read from left to right."""
    return f"(?:{_label(most)}|[a-z0-9{_LETTERS}]{{1,{min(most, 13)}}})"


_ATEXT = r"0-9A-Za-z!#$%&'*+/=?^_`{|}~-"
_DOMAIN = rf"{_LDH}+(?:-+{_LDH}+)*(?:\.{_LDH}+(?:-+{_LDH}+)*)*"
_LITERAL = rf"\[(?:{_IPV4}|IPv6:{_IPV6})\]"
_EMAIL = rf'(?:[{_ATEXT}]+(?:\.[{_ATEXT}]+)*|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:{_DOMAIN}|{_LITERAL})'
_BEYOND = "\u0080-\U0010ffff"
_U_LABEL = rf"[0-9A-Za-z{_BEYOND}]+(?:-+[0-9A-Za-z{_BEYOND}]+)*"
_IDN_EMAIL = (
    rf'(?:[{_BEYOND}{_ATEXT}]+(?:\.[{_BEYOND}{_ATEXT}]+)*|"(?:[{_BEYOND} !#-\[\]-~]|\\[ -~])*")'
    rf"@(?:{_U_LABEL}(?:\.{_U_LABEL})*|{_LITERAL})"
)

# ------------------------------------------------------------------ resources (RFC 3986, 3987)

_SCHEME = "[A-Za-z][0-9A-Za-z+.-]*"
_PERCENT = "%[0-9A-Fa-f]{2}"
_SUB_DELIMS = "!$&'()*+,;="
_UCS = (
    "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef\U00010000-\U0001fffd\U00020000-\U0002fffd"
    "\U00030000-\U0003fffd\U00040000-\U0004fffd\U00050000-\U0005fffd\U00060000-\U0006fffd"
    "\U00070000-\U0007fffd\U00080000-\U0008fffd\U00090000-\U0009fffd\U000a0000-\U000afffd"
    "\U000b0000-\U000bfffd\U000c0000-\U000cfffd\U000d0000-\U000dfffd\U000e1000-\U000efffd"
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


def _resource(more: str, private: str, reference: bool) -> str:
    """A URI (or a reference); `more` characters stand for themselves, `private` in the query."""
    plain = f"0-9A-Za-z._~{more}{_SUB_DELIMS}"
    char = rf"(?:[{plain}:@-]|{_PERCENT})"
    user, name = rf"(?:[{plain}:-]|{_PERCENT})*", rf"(?:[{plain}-]|{_PERCENT})*"
    future = rf"[Vv][0-9A-Fa-f]+\.[0-9A-Za-z._~{_SUB_DELIMS}:-]+"
    authority = rf"(?:{user}@)?(?:\[(?:{_IPV6}|{future})\]|{name})(?::[0-9]*)?"
    rooted = rf"/(?:{char}+(?:/{char}*)*)?"
    hierarchy = rf"(?://{authority}(?:/{char}*)*|{rooted}|{char}+(?:/{char}*)*)?"
    end = rf"(?:\?(?:{char}|[/?{private}])*)?(?:#(?:{char}|[/?])*)?"
    absolute = f"{_SCHEME}:{hierarchy}{end}"
    if not reference:
        return absolute
    first = rf"(?:[{plain}@-]|{_PERCENT})+"
    relative = rf"(?://{authority}(?:/{char}*)*|{rooted}|{first}(?:/{char}*)*)?{end}"
    return f"(?:{absolute}|{relative})"


_VARIABLE = rf"(?:\w|{_PERCENT})(?:\.?(?:\w|{_PERCENT}))*"
_VARIABLE_SPEC = rf"{_VARIABLE}(?::[1-9]\d{{0,3}}|\*)?"
_LITERALS = f"!#$&'()*+,./0-9:;=?@A-Z\\[\\]_a-z~{_UCS}{_PRIVATE}-"
_URI_TEMPLATE = (
    rf"(?:[{_LITERALS}]|{_PERCENT}|\{{[+#./;?&=,!@|]?{_VARIABLE_SPEC}(?:,{_VARIABLE_SPEC})*\}})*"
).replace("[+#./;?&=,!@|]", "[+#./;?&]")
_POINTER = r"(?:/(?:[^/~]|~[01])*)*"

# ------------------------------------------------------------------ patterns (ECMA-262)


def _regex() -> str:
    """Alternatives of terms; sets have ranges within digits or letters, in their order."""
    escape = r"\\(?:[dDwWsSbBfnrtv0^$\\.*+?()\[\]{}|/-]|c[A-Za-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"
    in_set = r"\\(?:[dDwWsSfnrtv0^$\\.*+?()\[\]{}|/-]|c[A-Za-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})"
    ranges = "|".join(
        f"{a}-[{a}-{last}]"
        for first, last in ("09", "az", "AZ")
        for a in map(chr, range(ord(first), ord(last) + 1))
    )
    members = rf"\[\^?-?(?:{ranges}|{in_set}|[^\\\]\-^])*-?\]"
    two = "|".join(rf"{a}(?:\d,(?:[{a + 1}-9]\d|\d{{3}})|\d,\d{{3}})" for a in range(1, 9))
    one = "|".join(rf"{a},(?:[{a}-9]|[1-9]\d{{1,2}})" for a in range(10))
    count = rf"\{{(?:\d{{1,4}},?|{one}|{two})\}}"
    quantifier = rf"(?:(?:[*+?]|{count})\??)?"
    plain = r"[^\\^$.*+?()\[\]{}|]"

    def alternatives(groups: str, around: str = "") -> str:
        atom = rf"(?:(?:{plain}|\.|{escape.replace('bB', '')}|{members}{groups}){quantifier}"
        looks = rf"|\^|\$|\\[bB]{around})*"
        return rf"{atom}{looks}(?:\|{atom}{looks})*"

    inner = alternatives("")
    for _ in range(2):
        inner = alternatives(rf"|\((?:\?:)?{inner}\)", rf"|\(\?<?[=!]{inner}\)")
    return inner


# ------------------------------------------------------------------ all of them

_PATTERNS: Mapping[str, Callable[[], str]] = {
    "date": lambda: DATE,
    "time": _time,
    "date-time": lambda: f"{DATE}[Tt]{_time()}",
    "duration": lambda: _DURATION,
    "email": lambda: _EMAIL,
    "idn-email": lambda: _IDN_EMAIL,
    "hostname": lambda: _hostname(_label, r"\."),
    "idn-hostname": lambda: _hostname(_idn_label, _IDN_DOT),
    "ipv4": lambda: _IPV4,
    "ipv6": lambda: _IPV6,
    "uri": lambda: _resource("", "", reference=False),
    "uri-reference": lambda: _resource("", "", reference=True),
    "iri": lambda: _resource(_UCS, _PRIVATE, reference=False),
    "iri-reference": lambda: _resource(_UCS, _PRIVATE, reference=True),
    "uri-template": lambda: _URI_TEMPLATE,
    "uuid": lambda: r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "json-pointer": lambda: _POINTER,
    "relative-json-pointer": lambda: rf"(?:0|[1-9]\d*)(?:#|{_POINTER})",
    "regex": _regex,
}

FORMATS = frozenset(_PATTERNS)
INSIDE = frozenset({"hostname", "idn-hostname", "regex"})
"""Formats that stand for a part of their strings only, so that their complement is not known."""


@lru_cache(maxsize=64)
def content(name: str) -> regex.Node:
    """The strings of a format.

    >>> content("nothing that is known")
    Traceback (most recent call last):
    KeyError: 'nothing that is known'
    """
    return regex_parser.parse(_PATTERNS[name](), "a").node


@lru_cache(maxsize=64)
def language(name: str) -> regex.Node:
    """As `content`, for algebra: with leap seconds, times take an automaton of their own."""
    node = content(name)
    return leaf(from_node(node, _MANY_STATES)) if name in ("time", "date-time") else node


_MANY_STATES = 50_000
