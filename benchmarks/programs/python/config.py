import os
from pathlib import Path

DEFAULTS = {"host": "localhost", "port": 8080, "debug": False}
_cache = None


def read(path):
    settings = dict(DEFAULTS)
    for number, line in enumerate(Path(path).read_text().splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        key, separator, value = line.partition("=")
        if not separator:
            raise ValueError(f"line {number}: no '=' in {line!r}")
        settings[key.strip()] = value.strip()
    return settings


def get(name, default=None):
    global _cache
    if _cache is None:
        _cache = read(os.environ.get("APP_CONFIG", "app.conf"))
    return _cache.get(name, default)
