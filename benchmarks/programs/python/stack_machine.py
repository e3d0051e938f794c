import operator

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def evaluate(text: str) -> float:
    stack: list[float] = []
    for token in text.split():
        if token in OPERATORS:
            right, left = stack.pop(), stack.pop()
            stack.append(OPERATORS[token](left, right))
        else:
            stack.append(float(token))
    if len(stack) != 1:
        raise ValueError(f"{len(stack)} values are left")
    return stack[0]


print(evaluate("3 4 + 2 * 7 /"))
