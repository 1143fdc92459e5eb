/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The rules of a workflow: triggers, jobs, then edges, which name both.
 */

#include "domain/draft-check.h"

#include "domain/cron.h"
#include "domain/names.h"
#include "domain/part-reader.h"

#define JOB_NAME_MAX 100
#define CONDITION_MAX 255

static const char blank[] = "This field can't be blank.";

static bool is_blank(Text text) {
        return text_trim(text).length == 0;
}

static bool is_one_of(Text text, const char *const words[]) {
        for (; *words; words++)
                if (text_is(text, *words))
                        return true;
        return false;
}

/* -- triggers --------------------------------------------------------------------------------------- */

static void check_webhook(DraftTrigger *trigger, Arena *arena, ErrorTree *errors) {
        static const char *const replies[] = { "before_start", "after_completion", "custom", NULL };

        if (!trigger->webhook_reply.data)
                trigger->webhook_reply = TEXT("before_start");
        if (!is_one_of(trigger->webhook_reply, replies))
                error_tree_add(errors, "webhook_reply", "is invalid");
        if (trigger->custom_path.data && !name_is_path(trigger->custom_path))
                error_tree_add(errors, "custom_path", "may hold only a-z, 0-9, _ and -");
        if (draft_read_response_config(trigger, arena) < 0)
                error_tree_add(errors, "webhook_response_config", "is invalid");
        for (size_t i = 0; i < 2; i++) {
                int64_t code = i == 0 ? trigger->success_code : trigger->error_code;

                if (code != 0 && (code < 200 || code > 599))
                        error_tree_add(errors, "webhook_response_config", "codes must be from 200 to 599");
        }
        if (!text_is(trigger->webhook_reply, "after_completion"))
                trigger->success_code = trigger->error_code = 0;
        trigger->cron_expression = TEXT_NULL;
        trigger->cron_cursor_job_id = UUID_NULL;
}

static void check_cron(DraftTrigger *trigger, const Draft *draft, ErrorTree *errors) {
        const char *message;
        Cron cron;

        if (is_blank(trigger->cron_expression))
                trigger->cron_expression = TEXT("0 0 * * *");
        if (trigger->cron_expression.length > 255)
                error_tree_add(errors, "cron_expression", "should be at most 255 character(s)");
        else if (cron_parse(trigger->cron_expression, &cron, &message) < 0)
                error_tree_add(errors, "cron_expression", message);
        if (!uuid_is_null(&trigger->cron_cursor_job_id) && !draft_find_job(draft, &trigger->cron_cursor_job_id))
                error_tree_add(errors, "cron_cursor_job_id", "job doesn't exist, or is not in the same workflow");
        trigger->webhook_reply = trigger->custom_path = TEXT_NULL;
        trigger->success_code = trigger->error_code = 0;
}

static void check_trigger(DraftTrigger *trigger, const Draft *draft, const DraftScope *scope, Arena *arena,
                          ErrorTree *errors) {
        ErrorTree *part = part_errors(errors, scope->by_id, &trigger->id, trigger->type);

        if (text_is(trigger->type, "webhook"))
                check_webhook(trigger, arena, part);
        else if (text_is(trigger->type, "cron"))
                check_cron(trigger, draft, part);
        else
                error_tree_add(part, "type", "is invalid");
        if (trigger->comment.length > 10000)
                error_tree_add(part, "comment", "should be at most 10000 character(s)");
}

/* -- jobs ------------------------------------------------------------------------------------------- */

static const Uuid *find_credential(const DraftScope *scope, const Uuid *id) {
        for (size_t i = 0; i < scope->n_project_credentials; i++)
                if (uuid_equal(&scope->project_credential_ids[i], id))
                        return &scope->credential_ids[i];
        return NULL;
}

static bool has_keychain(const DraftScope *scope, const Uuid *id) {
        for (size_t i = 0; i < scope->n_keychains; i++)
                if (uuid_equal(&scope->keychain_ids[i], id))
                        return true;
        return false;
}

static void check_job_credential(DraftJob *job, const DraftScope *scope, ErrorTree *errors) {
        bool link = !uuid_is_null(&job->project_credential_id), keychain = !uuid_is_null(&job->keychain_credential_id);
        const Uuid *credential = link ? find_credential(scope, &job->project_credential_id) : NULL;

        job->credential_id = keychain ? job->keychain_credential_id : credential ? *credential : UUID_NULL;
        if (link && !credential)
                error_tree_add(errors, "project_credential_id", "credential doesn't exist or isn't available in this project");
        if (keychain && !has_keychain(scope, &job->keychain_credential_id))
                error_tree_add(errors, "keychain_credential_id",
                               "keychain credential doesn't exist or isn't available in this project");
        if (link && keychain)
                error_tree_add(errors, "keychain_credential_id",
                               "cannot be set when the other credential type is also set");
}

static void check_job_name(const DraftJob *job, const DraftJob *before, ErrorTree *errors) {
        if (job->name.length == 0) {
                error_tree_add(errors, "name", "Job name can't be blank.");
                return;
        }
        if (before && text_equal(before->name, job->name))
                return;
        if (text_count_characters(job->name) > JOB_NAME_MAX)
                error_tree_add(errors, "name", "Job name should be at most 100 character(s).");
        else if (!name_is_job(job->name))
                error_tree_add(errors, "name", "Job name has invalid format.");
}

static void check_job(DraftJob *job, const DraftJob *before, const DraftScope *scope, ErrorTree *errors) {
        ErrorTree *part;

        job->name = text_trim(job->name);
        part = part_errors(errors, scope->by_id, &job->id, job->name);
        check_job_name(job, before, part);
        if (is_blank(job->body))
                error_tree_add(part, "body", "Code editor cannot be empty.");
        if (is_blank(job->adaptor))
                error_tree_add(part, "adaptor", blank);
        else if (job->adaptor.length > 255)
                error_tree_add(part, "adaptor", "should be at most 255 character(s)");
        check_job_credential(job, scope, part);
}

static void check_job_names(const Draft *draft, const DraftScope *scope, ErrorTree *errors) {
        for (size_t i = 0; i < draft->n_jobs; i++)
                for (size_t j = 0; j < i; j++)
                        if (draft->jobs[i].name.length > 0 && text_equal(draft->jobs[i].name, draft->jobs[j].name)) {
                                error_tree_add(part_errors(errors, scope->by_id, &draft->jobs[i].id,
                                                           draft->jobs[i].name), "name", "job name has already been taken");
                                break;
                        }
}

/* -- edges ------------------------------------------------------------------------------------------ */

static bool names_code(Text expression) {
        static const char *const words[] = { "import", "require", "process", "await", "eval" };
        bool found = false;

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                found = found || text_contains(expression, words[i]);
        return found;
}

static void check_expression(const DraftEdge *edge, const DraftEdge *before, ErrorTree *errors) {
        bool changed = !before || !text_equal(before->condition_expression, edge->condition_expression);

        if (text_is(edge->condition_type, "js_expression") && is_blank(edge->condition_expression))
                error_tree_add(errors, "condition_expression", "can't be blank");
        if (changed && text_count_characters(edge->condition_expression) > CONDITION_MAX)
                error_tree_add(errors, "condition_expression", "should be at most 255 character(s)");
        if (changed && names_code(edge->condition_expression))
                error_tree_add(errors, "condition_expression", "contains unacceptable words");
        if (text_count_characters(edge->condition_label) > CONDITION_MAX)
                error_tree_add(errors, "condition_label", "should be at most 255 character(s)");
}

static void check_condition(const DraftEdge *edge, ErrorTree *errors) {
        static const char *const types[] = { "always", "on_job_success", "on_job_failure", "js_expression", NULL };
        static const char *const trigger_types[] = { "always", "js_expression", NULL };

        if (!edge->condition_type.data)
                error_tree_add(errors, "condition_type", blank);
        else if (!is_one_of(edge->condition_type, types))
                error_tree_add(errors, "condition_type", "is invalid");
        else if (!uuid_is_null(&edge->source_trigger_id) && !is_one_of(edge->condition_type, trigger_types))
                error_tree_add(errors, "condition_type", "must be always or js_expression when source is a trigger");
}

static void check_ends(const Draft *draft, const DraftEdge *edge, ErrorTree *errors) {
        bool trigger = !uuid_is_null(&edge->source_trigger_id), job = !uuid_is_null(&edge->source_job_id);

        if (trigger && job)
                error_tree_add(errors, "source_job_id", "source_job_id and source_trigger_id are mutually exclusive");
        else if (!trigger && !job)
                error_tree_add(errors, "source_job_id", "an edge needs a source_job_id or a source_trigger_id");
        if (trigger && !draft_find_trigger(draft, &edge->source_trigger_id))
                error_tree_add(errors, "source_trigger_id", "trigger doesn't exist, or is not in the same workflow");
        if (job && !draft_find_job(draft, &edge->source_job_id))
                error_tree_add(errors, "source_job_id", "job doesn't exist, or is not in the same workflow");
        if (uuid_is_null(&edge->target_job_id))
                error_tree_add(errors, "target_job_id", blank);
        else if (!draft_find_job(draft, &edge->target_job_id))
                error_tree_add(errors, "target_job_id", "job doesn't exist, or is not in the same workflow");
        else if (job && uuid_equal(&edge->source_job_id, &edge->target_job_id))
                error_tree_add(errors, "target_job_id", "target_job_id must be different from source_job_id");
}

/* "<source>-><target>" */
static Text edge_name(const Draft *draft, const DraftEdge *edge, Arena *arena) {
        const DraftTrigger *trigger = draft_find_trigger(draft, &edge->source_trigger_id);
        const DraftJob *source = draft_find_job(draft, &edge->source_job_id),
                       *target = draft_find_job(draft, &edge->target_job_id);
        Text from = trigger ? trigger->type : source ? source->name : TEXT(""), to = target ? target->name : TEXT("");

        return text_of(arena_printf(arena, "%.*s->%.*s", (int) from.length, from.data, (int) to.length, to.data));
}

static void check_edge(const Draft *draft, DraftEdge *edge, const DraftEdge *before, const DraftScope *scope,
                       Arena *arena, ErrorTree *errors) {
        ErrorTree *part = part_errors(errors, scope->by_id, &edge->id, edge_name(draft, edge, arena));

        check_ends(draft, edge, part);
        check_condition(edge, part);
        check_expression(edge, before, part);
        if (!uuid_is_null(&edge->source_trigger_id))
                edge->enabled = true;   /* what a trigger starts is switched at the trigger */
}

/* -- all -------------------------------------------------------------------------------------------- */

void draft_check(Draft *draft, const Draft *before, const DraftScope *scope, Arena *arena, ErrorTree *errors) {
        static const Draft nothing;
        ErrorTree *triggers = error_tree_part(errors, TEXT("triggers")), *jobs = error_tree_part(errors, TEXT("jobs")),
                  *edges = error_tree_part(errors, TEXT("edges"));

        if (!before)
                before = &nothing;
        for (size_t i = 0; i < draft->n_triggers; i++)
                check_trigger(&draft->triggers[i], draft, scope, arena, triggers);
        for (size_t i = 0; i < draft->n_jobs; i++)
                check_job(&draft->jobs[i], draft_find_job(before, &draft->jobs[i].id), scope, jobs);
        check_job_names(draft, scope, jobs);
        for (size_t i = 0; i < draft->n_edges; i++)
                check_edge(draft, &draft->edges[i], draft_find_edge(before, &draft->edges[i].id), scope, arena, edges);
}
