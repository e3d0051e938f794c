import math
from abc import ABC, abstractmethod


class Shape(ABC):
    @abstractmethod
    def area(self) -> float: ...

    def describe(self) -> str:
        return f"{self.name} with area {self.area():.3f}"


class Circle(Shape):
    name = "circle"

    def __init__(self, radius: float):
        self.radius = radius

    def area(self) -> float:
        return math.pi * self.radius ** 2


class Rectangle(Shape):
    name = "rectangle"

    def __init__(self, width: float, height: float = 1.0):
        self.width, self.height = width, height

    def area(self) -> float:
        return self.width * self.height


for shape in [Circle(2), Rectangle(3, height=4.5)]:
    print(shape.describe())
