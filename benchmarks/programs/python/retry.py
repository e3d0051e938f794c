import functools
import logging
import random
import time

logger = logging.getLogger(__name__)


def retry(times=3, delay=0.1, exceptions=(OSError,)):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for attempt in range(1, times + 1):
                try:
                    return function(*args, **kwargs)
                except exceptions as error:
                    logger.warning("attempt %d failed: %s", attempt, error)
                    last = error
                    time.sleep(delay * 2 ** attempt)
            raise last
        return wrapper
    return decorate


@retry(times=5, delay=0.01)
def fetch(url):
    if random.random() < 0.7:
        raise OSError("connection reset")
    return {"url": url, "status": 200}
