import re
import sys
from collections import Counter


def words(text):
    return re.findall(r"[a-z']+", text.lower())


def main():
    counts = Counter()
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for line in file:
                counts.update(words(line))
    for word, n in counts.most_common(10):
        print(f"{n:>6} {word}")


main()
