/* Threads made for one call and joined before it returns: nothing survives to be broken by fork(), and nothing idles.
 *
 * A row is cut into chunks of outputs; a chunk needs only the inputs of its own range and the window before it, and
 * every kernel starts from any output (lo), with the same bits as if it had started from 0. Tasks are claimed from one
 * counter, the caller claims too: if no thread can be started the caller does all the work. */
#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>

/* A thread costs some 20-50 us to start and join; half a million elements take about 150 us. */
#define MIN_CHUNK (1 << 19)
/* A chunk reads one window more than it writes; float kernels up to five. */
#define WINDOWS_PER_CHUNK 16
#define MAX_THREADS 64

typedef struct {
    sliding_kernel kernel;
    const sliding_job *job;
    size_t itemsize;
    int64_t chunks, tasks; /* chunks per row, chunks in all */
    atomic_llong next;
    atomic_int failed;
} work;

static void run_task(work *shared, int64_t task) {
    sliding_job job = *shared->job;
    int64_t row = task / shared->chunks, chunk = task % shared->chunks, n = job.hi;
    job.x = (const char *)job.x + (size_t)(row * n) * shared->itemsize;
    job.out = (char *)job.out + (size_t)(row * n) * shared->itemsize;
    int64_t size = n / shared->chunks, rest = n % shared->chunks;
    job.lo = chunk * size + (chunk < rest ? chunk : rest);
    job.hi = job.lo + size + (chunk < rest);
    if (shared->kernel(&job) != 0) atomic_store(&shared->failed, 1);
}

static void *claim_tasks(void *argument) {
    work *shared = argument;
    int64_t task;
    while ((task = atomic_fetch_add(&shared->next, 1)) < shared->tasks) run_task(shared, task);
    return NULL;
}

static int64_t chunks_per_row(const sliding_job *job, int64_t rows, int threads) {
    int64_t wanted = (threads + rows - 1) / rows;
    int64_t smallest = job->window > MIN_CHUNK / WINDOWS_PER_CHUNK ? job->window * WINDOWS_PER_CHUNK : MIN_CHUNK;
    int64_t possible = job->hi / smallest;
    if (wanted > possible) wanted = possible;
    return wanted > 1 ? wanted : 1;
}

int run_rows(sliding_kernel kernel, const sliding_job *job, int64_t rows, size_t itemsize, int threads) {
    work shared = {.kernel = kernel, .job = job, .itemsize = itemsize};
    shared.chunks = threads > 1 ? chunks_per_row(job, rows, threads) : 1;
    shared.tasks = rows * shared.chunks;
    int64_t helpers = rows * job->hi / MIN_CHUNK;
    if (helpers > shared.tasks) helpers = shared.tasks;
    if (helpers > threads) helpers = threads;
    if (helpers > MAX_THREADS) helpers = MAX_THREADS;
    helpers -= 1; /* the caller works too */
    pthread_t started[MAX_THREADS];
    int count = 0;
    while (count < helpers && pthread_create(&started[count], NULL, claim_tasks, &shared) == 0) count++;
    claim_tasks(&shared);
    for (int i = 0; i < count; i++) pthread_join(started[i], NULL);
    return atomic_load(&shared.failed) ? -1 : 0;
}
