import csv
import json


def load(path):
    with open(path, newline="") as file:
        return [row for row in csv.DictReader(file)]


def summarize(rows, key="category"):
    totals = {}
    for row in rows:
        name = row[key].strip() or "unknown"
        quantity, price = int(row["quantity"]), float(row["price"])
        totals[name] = totals.get(name, 0.0) + quantity * price
    return totals


def report(totals, *, width=20):
    for name, total in sorted(totals.items(), key=lambda item: -item[1]):
        print(f"{name:<{width}}{total:>12.2f}")


if __name__ == "__main__":
    data = summarize(load("inventory.csv"))
    report(data)
    print(json.dumps(data, indent=2, sort_keys=True))
