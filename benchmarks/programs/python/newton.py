def newton(f, derivative, x, tolerance=1e-10, max_steps=50):
    """A root of f near x."""
    for step in range(max_steps):
        y = f(x)
        if abs(y) < tolerance:
            return x
        slope = derivative(x)
        if slope == 0:
            raise ArithmeticError("flat at " + str(x))
        x -= y / slope
    else:
        raise ArithmeticError(f"no root after {max_steps} steps")


root = newton(lambda x: x * x - 2, lambda x: 2 * x, 1.0)
print("%.12f" % root)
