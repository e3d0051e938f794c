"""Search in a sorted list."""


def binary_search(values, key):
    low, high = 0, len(values) - 1
    while low <= high:
        middle = (low + high) // 2
        if values[middle] == key:
            return middle
        elif values[middle] < key:
            low = middle + 1
        else:
            high = middle - 1
    return None


if __name__ == "__main__":
    numbers = [1, 3, 5, 7, 11, 13, 17]
    print(binary_search(numbers, 11), binary_search(numbers, 4))
