/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two helper threads and two lists: jobs to do, jobs that are done. An eventfd tells the loop about
 * the second.
 */

#include "loop/offload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define N_THREADS 2

struct Offload {
        pthread_t threads[N_THREADS];
        unsigned n_threads;

        pthread_mutex_t lock;           /* guards the three below */
        pthread_cond_t wake;
        List waiting;
        List finished;
        bool ending;

        size_t n_jobs;                  /* submitted, `done` not called yet; the loop's alone */
        int event_fd;
        Watch *watch;
};

/* -- on the helper threads --------------------------------------------------------------------- */

/* Waiting jobs are done even at the end: whoever submitted one waits for its `done` to let go of it. */
static Job *next_job(Offload *offload) {
        List *link;

        while (!(link = list_pop(&offload->waiting))) {
                if (offload->ending)
                        return NULL;
                pthread_cond_wait(&offload->wake, &offload->lock);
        }
        return list_entry(link, Job, link);
}

static void *run_thread(void *userdata) {
        Offload *offload = userdata;
        Job *job;

        pthread_mutex_lock(&offload->lock);
        while ((job = next_job(offload))) {
                pthread_mutex_unlock(&offload->lock);
                job->work(job);
                pthread_mutex_lock(&offload->lock);

                list_append(&offload->finished, &job->link);
                eventfd_write(offload->event_fd, 1);
        }
        pthread_mutex_unlock(&offload->lock);
        return NULL;
}

/* -- on the loop ------------------------------------------------------------------------------- */

static Job *take_finished(Offload *offload) {
        List *link;

        pthread_mutex_lock(&offload->lock);
        link = list_pop(&offload->finished);
        pthread_mutex_unlock(&offload->lock);

        return link ? list_entry(link, Job, link) : NULL;
}

static void finish_jobs(Offload *offload) {
        Job *job;

        while ((job = take_finished(offload))) {
                offload->n_jobs--;
                job->done(job);
        }
}

static void on_event(Watch *watch, unsigned events, void *userdata) {
        Offload *offload = userdata;
        eventfd_t count;

        (void) eventfd_read(offload->event_fd, &count);
        finish_jobs(offload);
}

/* The helpers take no signals: those belong to the loop. */
static int start_threads(Offload *offload) {
        sigset_t all, before;
        int r = 0;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        while (r == 0 && offload->n_threads < N_THREADS) {
                r = pthread_create(&offload->threads[offload->n_threads], NULL, run_thread, offload);
                if (r == 0)
                        offload->n_threads++;
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -r;
}

int offload_new(Loop *loop, Offload **ret_offload) {
        _cleanup_(offload_freep) Offload *offload = xnew(Offload, 1);
        int r;

        pthread_mutex_init(&offload->lock, NULL);
        pthread_cond_init(&offload->wake, NULL);
        list_init(&offload->waiting);
        list_init(&offload->finished);

        offload->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (offload->event_fd < 0)
                return -errno;

        r = watch_new(loop, offload->event_fd, WATCH_READ, on_event, offload, &offload->watch);
        if (r < 0)
                return r;

        r = start_threads(offload);
        if (r < 0)
                return r;

        *ret_offload = TAKE_PTR(offload);
        return 0;
}

Offload *offload_free(Offload *offload) {
        if (!offload)
                return NULL;

        pthread_mutex_lock(&offload->lock);
        offload->ending = true;
        pthread_cond_broadcast(&offload->wake);
        pthread_mutex_unlock(&offload->lock);
        for (unsigned i = 0; i < offload->n_threads; i++)
                pthread_join(offload->threads[i], NULL);

        finish_jobs(offload);

        watch_free(offload->watch);
        if (offload->event_fd >= 0)
                close(offload->event_fd);
        pthread_cond_destroy(&offload->wake);
        pthread_mutex_destroy(&offload->lock);
        free(offload);
        return NULL;
}

void offload_submit(Offload *offload, Job *job) {
        offload->n_jobs++;

        pthread_mutex_lock(&offload->lock);
        list_append(&offload->waiting, &job->link);
        pthread_cond_signal(&offload->wake);
        pthread_mutex_unlock(&offload->lock);
}

size_t offload_n_jobs(const Offload *offload) {
        return offload->n_jobs;
}
