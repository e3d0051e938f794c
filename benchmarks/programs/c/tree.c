#include <stdio.h>
#include <stdlib.h>

struct Tree {
    int key;
    struct Tree *left, *right;
};

struct Tree *insert(struct Tree *tree, int key) {
    if (!tree) {
        tree = calloc(1, sizeof(struct Tree));
        tree->key = key;
        return tree;
    }
    if (key < tree->key)
        tree->left = insert(tree->left, key);
    else if (key > tree->key)
        tree->right = insert(tree->right, key);
    return tree;
}

int height(const struct Tree *tree) {
    if (!tree)
        return 0;
    int l = height(tree->left), r = height(tree->right);
    return 1 + (l > r ? l : r);
}

void walk(const struct Tree *tree, int depth) {
    if (!tree)
        return;
    walk(tree->left, depth + 1);
    printf("%*s%d\n", 2 * depth, "", tree->key);
    walk(tree->right, depth + 1);
}
