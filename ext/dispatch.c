/* See dispatch.h. One wheel carries every instruction set's kernels (isa_*.c); the CPU is asked once, at import. */
#include "dispatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const kernel_table *table;
    int (*runs_here)(void);
} candidate;

static int always(void) { return 1; }

#if defined(__x86_64__) && defined(__GNUC__)
/* __builtin_cpu_supports asks the CPU and whether the operating system saves the wide registers. */
static int has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
}

static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

/* Best first. A new instruction set is one file and one line. */
static const candidate candidates[] = {
#if defined(__x86_64__) && defined(__GNUC__)
    {&kernels_avx512, has_avx512},
    {&kernels_avx2, has_avx2},
#endif
    {&kernels_baseline, always},
};
enum { CANDIDATES = sizeof candidates / sizeof candidates[0] };

static const kernel_table *chosen;
static size_t threshold;

const kernel_table *dispatch_kernels(void) { return chosen; }

const kernel_table *dispatch_supported(int i) {
    for (int c = 0; c < CANDIDATES; c++)
        if (candidates[c].runs_here() && i-- == 0) return candidates[c].table;
    return NULL;
}

/* The names of all tables, or of those this CPU can run, separated by commas. */
static void list_names(char *text, size_t size, int only_supported) {
    text[0] = '\0';
    for (int c = 0; c < CANDIDATES; c++) {
        if (only_supported && !candidates[c].runs_here()) continue;
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", used ? ", " : "", candidates[c].table->name);
    }
}

int dispatch_set(const char *name, char *message, size_t size) {
    char names[64];
    for (int c = 0; c < CANDIDATES; c++) {
        if (strcmp(name, candidates[c].table->name) != 0) continue;
        if (candidates[c].runs_here()) {
            chosen = candidates[c].table;
            return 0;
        }
        list_names(names, sizeof names, 1);
        snprintf(message, size, "this CPU cannot run the %s kernels; it can run: %s", name, names);
        return -1;
    }
    list_names(names, sizeof names, 0);
    snprintf(message, size, "no kernels named '%.32s' in this build; choose one of: %s", name, names);
    return -1;
}

/* Streaming stores win once the output no longer stays in the caches this core may call its own. A shared last-level
 * cache is divided among the cores that see it, bounded below by L2 (always private) and above by 4 MiB: from there on
 * streaming won on every machine measured, whatever the size of the L3 (benchmarks/limits.py shows the crossover). */
static size_t default_threshold(void) {
    const long ceiling = 4L << 20;
    long l2 = 1L << 20, share = ceiling;
#if defined(_SC_LEVEL2_CACHE_SIZE) && defined(_SC_LEVEL3_CACHE_SIZE)
    long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE), cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (sysconf(_SC_LEVEL2_CACHE_SIZE) > 0) l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (l3 > 0 && cores > 0) share = l3 / cores;
#endif
    if (share > ceiling) share = ceiling;
    return (size_t)(share > l2 ? share : l2);
}

size_t streaming_threshold(void) { return threshold; }

void set_streaming_threshold(size_t bytes) { threshold = bytes; }

int dispatch_init(char *message, size_t size) {
    const char *forced = getenv("HEADGATE_ISA");
    threshold = default_threshold();
    if (forced == NULL || forced[0] == '\0') {
        chosen = dispatch_supported(0);
        return 0;
    }
    char reason[160];
    if (dispatch_set(forced, reason, sizeof reason) == 0) return 0;
    snprintf(message, size, "HEADGATE_ISA: %s; unset it to let headgate choose", reason);
    return -1;
}
