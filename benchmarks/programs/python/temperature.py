# A table of temperatures in two scales.
ZERO = 273.15


def kelvin(celsius):
    return celsius + ZERO


def fahrenheit(celsius):
    return celsius * 9 / 5 + 32


print("   C      K      F")
for c in range(-40, 101, 20):
    print("%5.0f %6.2f %6.1f" % (c, kelvin(c), fahrenheit(c)))
