/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From snapshot to plan. The arrays of a snapshot are the rows as they were; the worker wants a little less,
 * and edges that name their condition the way its runtime does.
 */

#include <errno.h>

#include "domain/snapshot.h"
#include "json/check.h"
#include "json/read.h"
#include "json/writer.h"

void snapshot_index_deinit(SnapshotIndex *index) {
        free(index->job_ids);
        free(index->credential_ids);
        *index = (SnapshotIndex) {};
}

static bool contains(const Uuid *ids, size_t n, const Uuid *id) {
        for (size_t i = 0; i < n; i++)
                if (uuid_equal(&ids[i], id))
                        return true;
        return false;
}

bool snapshot_has_job(const SnapshotIndex *index, const Uuid *job_id) {
        return contains(index->job_ids, index->n_job_ids, job_id);
}

bool snapshot_has_credential(const SnapshotIndex *index, const Uuid *credential_id) {
        return contains(index->credential_ids, index->n_credential_ids, credential_id);
}

static void add_id(Uuid **ids, size_t *n, const Uuid *id) {
        if (uuid_is_null(id) || contains(*ids, *n, id))
                return;
        *ids = xrealloc(*ids, (*n + 1) * sizeof(Uuid));
        (*ids)[(*n)++] = *id;
}

/* -- reading --------------------------------------------------------------------------------------- */

typedef struct PlanNode {
        Uuid id, credential_id;
        Text name, body, adaptor;       /* raw */
} PlanNode;

static const Field trigger_fields[] = {
        { "id", FIELD_UUID, offsetof(PlanNode, id), FIELD_REQUIRED },
        {}
};

static const Field job_fields[] = {
        { "id",            FIELD_UUID, offsetof(PlanNode, id),            FIELD_REQUIRED },
        { "name",          FIELD_RAW,  offsetof(PlanNode, name)                          },
        { "body",          FIELD_RAW,  offsetof(PlanNode, body)                          },
        { "adaptor",       FIELD_RAW,  offsetof(PlanNode, adaptor)                       },
        { "credential_id", FIELD_UUID, offsetof(PlanNode, credential_id)                 },
        {}
};

typedef struct PlanEdge {
        Uuid id, source_trigger_id, source_job_id, target_job_id;
        Text condition_type;
        Text condition_expression;      /* raw */
        bool enabled;
} PlanEdge;

static const Field edge_fields[] = {
        { "id",                   FIELD_UUID,   offsetof(PlanEdge, id),                   FIELD_REQUIRED },
        { "source_trigger_id",    FIELD_UUID,   offsetof(PlanEdge, source_trigger_id)                    },
        { "source_job_id",        FIELD_UUID,   offsetof(PlanEdge, source_job_id)                        },
        { "target_job_id",        FIELD_UUID,   offsetof(PlanEdge, target_job_id),        FIELD_REQUIRED },
        { "condition_type",       FIELD_STRING, offsetof(PlanEdge, condition_type),       FIELD_REQUIRED },
        { "condition_expression", FIELD_RAW,    offsetof(PlanEdge, condition_expression)                 },
        { "enabled",              FIELD_BOOL,   offsetof(PlanEdge, enabled)                              },
        {}
};

static int read_element(Arena *arena, Text element, const Field *fields, void *target) {
        FieldErrors errors = {};

        return json_read(arena, element, fields, target, &errors) < 0 ? -EBADMSG : 0;
}

/* -- writing --------------------------------------------------------------------------------------- */

static int write_trigger(JsonWriter *w, Arena *arena, Text element, SnapshotIndex *index) {
        PlanNode trigger = {};
        int r;

        r = read_element(arena, element, trigger_fields, &trigger);
        if (r < 0)
                return r;

        json_begin(w, NULL);
        json_uuid(w, "id", &trigger.id);
        json_end(w);
        return 0;
}

static int write_job(JsonWriter *w, Arena *arena, Text element, SnapshotIndex *index) {
        PlanNode job = {};
        int r;

        r = read_element(arena, element, job_fields, &job);
        if (r < 0)
                return r;

        add_id(&index->job_ids, &index->n_job_ids, &job.id);
        add_id(&index->credential_ids, &index->n_credential_ids, &job.credential_id);

        json_begin(w, NULL);
        json_uuid(w, "id", &job.id);
        json_raw(w, "name", job.name);
        json_raw(w, "adaptor", job.adaptor);
        json_uuid(w, "credential_id", &job.credential_id);
        json_raw(w, "body", job.body.data ? job.body : TEXT("\"\""));
        json_end(w);
        return 0;
}

/* Never null: that would crash the run at a trigger's edge. An expression is the condition itself. */
static void write_condition(JsonWriter *w, const PlanEdge *edge) {
        if (!text_is(edge->condition_type, "js_expression"))
                json_text(w, "condition", edge->condition_type);
        else if (edge->condition_expression.data)
                json_raw(w, "condition", edge->condition_expression);
        else
                json_string(w, "condition", "always");
}

static int write_edge(JsonWriter *w, Arena *arena, Text element, SnapshotIndex *index) {
        PlanEdge edge = { .enabled = true };
        int r;

        r = read_element(arena, element, edge_fields, &edge);
        if (r < 0)
                return r;

        json_begin(w, NULL);
        json_uuid(w, "id", &edge.id);
        json_uuid(w, "source_trigger_id", &edge.source_trigger_id);
        json_uuid(w, "source_job_id", &edge.source_job_id);
        json_uuid(w, "target_job_id", &edge.target_job_id);
        write_condition(w, &edge);
        json_bool(w, "enabled", edge.enabled);
        json_end(w);
        return 0;
}

typedef int (*ElementWriter)(JsonWriter *w, Arena *arena, Text element, SnapshotIndex *index);

static int write_array(JsonWriter *w, const char *key, Text array, ElementWriter write, Arena *arena,
                       SnapshotIndex *index) {
        size_t cursor = 0;
        Text element;
        int r;

        if (!array.data || json_kind(array) != JSON_ARRAY)
                return -EBADMSG;

        json_begin_array(w, key);
        while (json_next_element(array, &cursor, &element)) {
                r = write(w, arena, element, index);
                if (r < 0)
                        return r;
        }
        json_end_array(w);
        return 0;
}

/* What is absent is left to the worker's own settings; it does not want null. */
static void write_options(JsonWriter *w, const Run *run) {
        json_begin(w, "options");
        json_bool(w, "output_dataclips", run->save_dataclips);
        json_int(w, "run_timeout_ms", run->run_timeout_msec);
        if (run->run_memory_limit_mb > 0)
                json_int(w, "run_memory_limit_mb", run->run_memory_limit_mb);
        if (!run->enable_job_logs)
                json_string(w, "job_log_level", "none");
        json_end(w);
}

static void write_meta(JsonWriter *w, const Run *run) {
        json_begin(w, "meta");
        json_uuid(w, "work_order_id", &run->work_order_id);
        json_uuid(w, "workflow_id", &run->workflow_id);
        json_uuid(w, "project_id", &run->project_id);
        json_end(w);
}

int snapshot_write_plan(const Run *run, Arena *arena, Buffer *plan, SnapshotIndex *ret_index) {
        _cleanup_(snapshot_index_deinit) SnapshotIndex index = {};
        const struct {
                const char *key;
                Text array;
                ElementWriter write;
        } arrays[] = {
                { "triggers", run->triggers, write_trigger },
                { "jobs",     run->jobs,     write_job     },
                { "edges",    run->edges,    write_edge    },
        };
        JsonWriter w = JSON_WRITER(plan);
        int r;

        json_begin(&w, NULL);
        json_uuid(&w, "id", &run->id);
        json_uuid(&w, "project_id", &run->project_id);
        for (size_t i = 0; i < ELEMENTSOF(arrays); i++) {
                r = write_array(&w, arrays[i].key, arrays[i].array, arrays[i].write, arena, &index);
                if (r < 0)
                        return r;
        }
        json_uuid(&w, "starting_node_id", uuid_is_null(&run->trigger_id) ? &run->job_id : &run->trigger_id);
        json_uuid(&w, "dataclip_id", &run->dataclip_id);
        write_options(&w, run);
        write_meta(&w, run);
        json_end(&w);

        *ret_index = index;
        index = (SnapshotIndex) {};
        return 0;
}
