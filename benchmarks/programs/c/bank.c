#include <stdio.h>

struct Account {
    char name[32];
    long balance;   // in cents
    int closed;
};

int withdraw(struct Account *account, long amount) {
    if (account->closed || amount <= 0)
        return -1;
    if (account->balance < amount) {
        printf("%s: insufficient funds (%ld < %ld)\n", account->name, account->balance, amount);
        return -2;
    }
    account->balance -= amount;
    return 0;
}

int transfer(struct Account *from, struct Account *to, long amount) {
    int status = withdraw(from, amount);
    if (status == 0)
        to->balance += amount;
    return status;
}

int main(void) {
    struct Account accounts[2] = {{"Ada", 100000, 0}, {"Grace", 2500, 0}};
    transfer(&accounts[0], &accounts[1], 12345);
    for (int i = 0; i < 2; i++)
        printf("%-10s %8.2f\n", accounts[i].name, accounts[i].balance / 100.0);
    return 0;
}
