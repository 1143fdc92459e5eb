/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Version hashes: SHA-256 over one string made of a workflow's fields in a fixed order, those that are null
 * left out (http-api 3.5). The command line computes the same to see whether it is up to date, so it is held
 * to its vector by a test, down to the order in which JavaScript sorts names.
 */

#include <stdio.h>
#include <stdlib.h>

#include "basic/buffer.h"
#include "crypto/password.h"
#include "domain/draft.h"
#include "json/writer.h"

/* -- the order of names ----------------------------------------------------------------------------- */

/* localeCompare() of the ASCII characters: spaces and punctuation, digits, letters. */
static unsigned weight(unsigned char c) {
        static const char order[] = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";
        const char *place;

        if (c >= 'A' && c <= 'Z')
                c += 'a' - 'A';
        place = c ? strchr(order, c) : NULL;
        return place ? (unsigned) (place - order) + 1 : c + sizeof order;
}

/* Small letters come first where nothing else differs; `fold`: case never matters. */
static int compare_names(Text a, Text b, bool fold) {
        size_t shorter = MIN(a.length, b.length);

        for (size_t i = 0; i < shorter; i++) {
                unsigned one = weight((unsigned char) a.data[i]), other = weight((unsigned char) b.data[i]);

                if (one != other)
                        return one < other ? -1 : 1;
        }
        if (a.length != b.length)
                return a.length < b.length ? -1 : 1;
        for (size_t i = 0; i < shorter && !fold; i++)
                if (a.data[i] != b.data[i])
                        return a.data[i] > b.data[i] ? -1 : 1;
        return 0;
}

static int compare_jobs(const void *a, const void *b) {
        const DraftJob *const *one = a, *const *other = b;

        return compare_names((*one)->name, (*other)->name, true);
}

typedef struct NamedEdge {
        const DraftEdge *edge;
        Text name;                      /* "<source>-<target>" */
} NamedEdge;

static int compare_edges(const void *a, const void *b) {
        const NamedEdge *one = a, *other = b;

        return compare_names(one->name, other->name, false);
}

/* -- the string ------------------------------------------------------------------------------------- */

static void add_bool(Buffer *buffer, bool value) {
        buffer_append_string(buffer, value ? "true" : "false");
}

static void add_uuid(Buffer *buffer, const Uuid *id) {
        char text[UUID_STRING_SIZE];

        if (!uuid_is_null(id))
                buffer_append_string(buffer, uuid_format(id, text));
}

static void add_response_config(Buffer *buffer, const DraftTrigger *trigger) {
        JsonWriter w = JSON_WRITER(buffer);

        if (!trigger->success_code && !trigger->error_code)
                return;
        json_begin(&w, NULL);
        if (trigger->success_code)
                json_int(&w, "success_code", trigger->success_code);
        if (trigger->error_code)
                json_int(&w, "error_code", trigger->error_code);
        json_end(&w);
}

static void add_trigger(Buffer *buffer, const DraftTrigger *trigger) {
        add_uuid(buffer, &trigger->cron_cursor_job_id);
        buffer_append_text(buffer, trigger->cron_expression);
        add_bool(buffer, trigger->enabled);
        buffer_append_text(buffer, trigger->type);
        buffer_append_text(buffer, trigger->webhook_reply);
        add_response_config(buffer, trigger);
}

static void add_job(Buffer *buffer, const DraftJob *job) {
        buffer_append_text(buffer, job->adaptor);
        buffer_append_text(buffer, job->body);
        add_uuid(buffer, &job->keychain_credential_id);
        buffer_append_text(buffer, job->name);
        add_uuid(buffer, &job->project_credential_id);
}

static void add_edge(Buffer *buffer, const NamedEdge *named) {
        buffer_append_text(buffer, named->edge->condition_expression);
        buffer_append_text(buffer, named->edge->condition_label);
        buffer_append_text(buffer, named->edge->condition_type);
        add_bool(buffer, named->edge->enabled);
        buffer_append_text(buffer, named->name);
}

static void add_jobs(Buffer *buffer, const Draft *draft) {
        const DraftJob **jobs = xnew(const DraftJob *, draft->n_jobs + 1);

        for (size_t i = 0; i < draft->n_jobs; i++)
                jobs[i] = &draft->jobs[i];
        qsort(jobs, draft->n_jobs, sizeof *jobs, compare_jobs);
        for (size_t i = 0; i < draft->n_jobs; i++)
                add_job(buffer, jobs[i]);
        free(jobs);
}

static Text edge_name(Arena *arena, const Draft *draft, const DraftEdge *edge) {
        const DraftTrigger *trigger = draft_find_trigger(draft, &edge->source_trigger_id);
        const DraftJob *source = draft_find_job(draft, &edge->source_job_id),
                       *target = draft_find_job(draft, &edge->target_job_id);
        Text from = trigger ? trigger->type : source ? source->name : TEXT(""), to = target ? target->name : TEXT("");

        return text_of(arena_printf(arena, "%.*s-%.*s", (int) from.length, from.data, (int) to.length, to.data));
}

static void add_edges(Buffer *buffer, const Draft *draft) {
        Arena arena = ARENA_NULL;
        NamedEdge *edges = arena_new(&arena, NamedEdge, draft->n_edges + 1);

        for (size_t i = 0; i < draft->n_edges; i++)
                edges[i] = (NamedEdge) { &draft->edges[i], edge_name(&arena, draft, &draft->edges[i]) };
        qsort(edges, draft->n_edges, sizeof *edges, compare_edges);
        for (size_t i = 0; i < draft->n_edges; i++)
                add_edge(buffer, &edges[i]);
        arena_deinit(&arena);
}

void draft_hash(const Draft *draft, char hash[static DRAFT_HASH_SIZE]) {
        _cleanup_(buffer_deinit) Buffer buffer = BUFFER_NULL;
        uint8_t digest[DIGEST_SIZE];

        buffer_append_text(&buffer, draft->name);
        for (size_t i = 0; i < draft->n_triggers; i++)
                add_trigger(&buffer, &draft->triggers[i]);
        add_jobs(&buffer, draft);
        add_edges(&buffer, draft);

        digest_sha256(buffer_text(&buffer), digest);
        for (size_t i = 0; i < DRAFT_HASH_SIZE / 2; i++)
                snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}
