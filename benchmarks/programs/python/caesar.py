from string import ascii_lowercase, ascii_uppercase


def caesar(text, key):
    """Shift letters by key places and leave everything else alone."""
    key %= 26
    table = str.maketrans(
        ascii_lowercase + ascii_uppercase,
        ascii_lowercase[key:] + ascii_lowercase[:key] + ascii_uppercase[key:] + ascii_uppercase[:key],
    )
    return text.translate(table)


secret = caesar("Attack at dawn! Don't be late.", 3)
print(secret, caesar(secret, -3), sep="\n")
