LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


def winner(board):
    for a, b, c in LINES:
        if board[a] != " " and board[a] == board[b] == board[c]:
            return board[a]
    return None


def minimax(board, player):
    won = winner(board)
    if won is not None:
        return (1 if won == "X" else -1), None
    free = [i for i, mark in enumerate(board) if mark == " "]
    if not free:
        return 0, None
    best = None
    for move in free:
        board[move] = player
        score, _ = minimax(board, "O" if player == "X" else "X")
        board[move] = " "
        if best is None or (score > best[0] if player == "X" else score < best[0]):
            best = score, move
    return best


board = [" "] * 9
print(minimax(board, "X"))
