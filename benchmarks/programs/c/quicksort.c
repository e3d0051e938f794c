int partition(int *a, int low, int high) {
    int pivot = a[high], i = low - 1, t;
    for (int j = low; j < high; j++) {
        if (a[j] <= pivot) {
            i++;
            t = a[i], a[i] = a[j], a[j] = t;
        }
    }
    t = a[i + 1];
    a[i + 1] = a[high];
    a[high] = t;
    return i + 1;
}

void quicksort(int *a, int low, int high) {
    if (low < high) {
        int p = partition(a, low, high);
        quicksort(a, low, p - 1);
        quicksort(a, p + 1, high);
    }
}
