#include <stdio.h>
#include <ctype.h>

/* Shifts letters by key places; leaves everything else alone. */
void caesar(char *text, int key) {
    key = (key % 26 + 26) % 26;
    for (int i = 0; text[i] != '\0'; i++) {
        char c = text[i];
        if (isupper(c))
            text[i] = 'A' + (c - 'A' + key) % 26;
        else if (islower(c))
            text[i] = 'a' + (c - 'a' + key) % 26;
    }
}

int main(void) {
    char message[] = "Attack at dawn! \"Now\"";
    caesar(message, 3);
    puts(message);
    caesar(message, -3);
    puts(message);
    return 0;
}
