class Matrix:
    """A small dense matrix."""

    def __init__(self, rows):
        self.rows = [list(row) for row in rows]

    def __getitem__(self, index):
        i, j = index
        return self.rows[i][j]

    def __matmul__(self, other):
        columns = list(zip(*other.rows))
        return Matrix([[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self.rows])

    def transpose(self):
        return Matrix(zip(*self.rows))

    def __repr__(self):
        return "\n".join(" ".join(str(x) for x in row) for row in self.rows)


a = Matrix([[1, 2], [3, 4]])
b = a.transpose()
print(a @ b)
print(a[0, 1])
