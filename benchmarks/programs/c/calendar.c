#include <stdio.h>

static int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

int is_leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_in(int month, int year) {
    if (month == 2 && is_leap(year))
        return 29;
    return days[month - 1];
}

int day_of_year(int day, int month, int year) {
    for (int m = 1; m < month; m++)
        day += days_in(m, year);
    return day;
}

int main(void) {
    printf("2026-11-22 is day %d\n", day_of_year(22, 11, 2026));
    return 0;
}
