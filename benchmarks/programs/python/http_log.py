import gzip
import re
import sys
from datetime import datetime, timedelta

LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "(\w+) (\S+) [^"]*" (\d{3}) (\d+|-)')


def entries(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt") as file:
        for line in file:
            if (match := LINE.match(line)):
                host, when, method, url, status, size = match.groups()
                yield {
                    "host": host,
                    "when": datetime.strptime(when.split()[0], "%d/%b/%Y:%H:%M:%S"),
                    "method": method,
                    "url": url,
                    "status": int(status),
                    "size": 0 if size == "-" else int(size),
                }


def errors(path, since=timedelta(hours=1)):
    limit = datetime.now() - since
    return [e for e in entries(path) if e["status"] >= 500 and e["when"] > limit]


if __name__ == "__main__":
    for entry in errors(sys.argv[1]):
        print(entry["when"].isoformat(), entry["status"], entry["url"])
