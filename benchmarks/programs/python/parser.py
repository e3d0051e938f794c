class Parser:
    """A recursive descent calculator."""

    def __init__(self, text):
        self.text = text.replace(" ", "")
        self.position = 0

    @property
    def here(self):
        return self.text[self.position] if self.position < len(self.text) else ""

    def take(self, expected=None):
        char = self.here
        if expected is not None and char != expected:
            raise SyntaxError(f"expected {expected!r}, found {char!r}")
        self.position += 1
        return char

    def sum(self):
        value = self.product()
        while self.here in ("+", "-"):
            if self.take() == "+":
                value += self.product()
            else:
                value -= self.product()
        return value

    def product(self):
        value = self.atom()
        while self.here and self.here in "*/":
            if self.take() == "*":
                value *= self.atom()
            else:
                value /= self.atom()
        return value

    def atom(self):
        if self.here == "(":
            self.take("(")
            value = self.sum()
            self.take(")")
            return value
        digits = ""
        while self.here.isdigit() or self.here == ".":
            digits += self.take()
        return float(digits)


print(Parser("2*(3+4)-10/4").sum())
