from collections import defaultdict
from typing import Any, Callable

Handler = Callable[..., Any]


class Bus:
    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = defaultdict(list)

    def on(self, name: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self._handlers[name].append(handler)
            return handler

        return register

    def emit(self, name: str, *args: Any, **kwargs: Any) -> list[Any]:
        return [handler(*args, **kwargs) for handler in self._handlers[name]]


bus = Bus()


@bus.on("greet")
def hello(name, *, excited=False):
    return "Hello, " + name + ("!" if excited else ".")


print(bus.emit("greet", "world", excited=True))
