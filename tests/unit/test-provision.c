/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The document of provisioning: both ways to write it down, every complaint, and ids that stay.
 */

#include <errno.h>

#include "check.h"
#include "domain/provision.h"
#include "json/check.h"

static Arena arena;

/* Single quotes in the cases stand for double ones. */
static Text document(const char *text) {
        char *copy = arena_strdup(&arena, text);
        JsonKind kind;

        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        CHECK_INT(json_check(text_of(copy), &kind, NULL), 0);
        return text_of(copy);
}

static Provision read(const char *text) {
        FieldErrors errors = {};
        Provision provision = {};

        if (provision_read(&arena, document(text), &provision, &errors) < 0) {
                fprintf(stderr, "%s %s\n", errors.errors[0].field, errors.errors[0].message);
                exit(1);
        }
        CHECK_INT(errors.n_errors, 0);
        return provision;
}

#define WORKFLOW(...) "{'projects':[{'name':'p','workflows':[{'name':'w'," __VA_ARGS__ "}]}]}"

static void test_list_form(void) {
        Provision p = read("{'users':[{'email':' Ada@Example.ORG ','first_name':'Ada','last_name':'L',"
                           "'password':'long enough','superuser':true,'api_token':true}],"
                           "'projects':[{'name':'demo-1','description':'d','retention_policy':'erase_all','concurrency':3,"
                           "'members':[{'email':'ADA@example.org','role':'owner'}],"
                           "'credentials':[{'name':'c','owner':'Ada@example.org','body':{'a':[1]},'schema':'raw'}],"
                           "'collections':['cache','a-b_c.d'],"
                           "'workflows':[{'name':' Hello ','trigger':{'type':'webhook','custom_path':'in_1-x',"
                           "'webhook_reply':'after_completion','webhook_response_config':{'success_code':202}},"
                           "'jobs':[{'name':'one','body':'fn()','credential':'c'},{'name':'two','body':'x'},"
                           "{'name':'three','body':'x','adaptor':'@openfn/language-http@7'}],"
                           "'edges':[{'from':'trigger','to':'one','enabled':false},{'from':'one','to':'two'},"
                           "{'from':'two','to':'three','condition':'state.data.a > 1','enabled':false}]}]}]}");
        const ProvisionProject *project = &p.projects[0];
        const Draft *w = &project->workflows[0];

        CHECK_INT(p.n_users, 1);
        CHECK_TEXT(p.users[0].email, "ada@example.org");
        CHECK_TEXT(p.users[0].password, "long enough");
        CHECK(p.users[0].superuser && p.users[0].api_token);

        CHECK_INT(p.n_projects, 1);
        CHECK_TEXT(project->name, "demo-1");
        CHECK_TEXT(project->retention_policy, "erase_all");
        CHECK_INT(project->concurrency, 3);
        CHECK_TEXT(project->members[0].email, "ada@example.org");
        CHECK_TEXT(project->credentials[0].owner, "ada@example.org");
        CHECK_TEXT(project->credentials[0].body, "{\"a\":[1]}");
        CHECK_INT(project->n_collections, 2);
        CHECK_TEXT(project->collections[0], "cache");
        CHECK_TEXT(project->collections[1], "a-b_c.d");

        CHECK_TEXT(w->name, "Hello");
        CHECK(w->n_triggers == 1 && w->n_jobs == 3 && w->n_edges == 3);
        CHECK_TEXT(w->triggers[0].key, "trigger");
        CHECK(w->triggers[0].enabled);
        CHECK_TEXT(w->triggers[0].webhook_reply, "after_completion");
        CHECK_INT(w->triggers[0].success_code, 202);
        CHECK_INT(w->triggers[0].error_code, 0);
        CHECK_TEXT(w->jobs[0].key, "one");
        CHECK_TEXT(w->jobs[0].adaptor, "@openfn/language-common@latest");
        CHECK_TEXT(w->jobs[2].adaptor, "@openfn/language-http@7");

        CHECK_TEXT(w->edges[0].key, "trigger->one");
        CHECK_TEXT(w->edges[0].condition_type, "always");
        CHECK(w->edges[0].enabled);             /* a trigger's edge always is */
        CHECK_TEXT(w->edges[1].condition_type, "on_job_success");
        CHECK_TEXT(w->edges[2].condition_type, "js_expression");
        CHECK_TEXT(w->edges[2].condition_expression, "state.data.a > 1");
        CHECK(!w->edges[2].enabled);
}

/* OpenFn's project files: maps with keys. */
static void test_map_form(void) {
        Provision p = read("{'projects':{'demo':{'name':'demo','workflows':{'W-1':{'name':'First','triggers':{"
                           "'cron':{'type':'cron','enabled':false,'cron_expression':'5 * * * *','cron_cursor_job':'b'},"
                           "'hook':{'type':'webhook','custom_path':null}},"
                           "'jobs':{'a':{'name':'Job A','body':'x'},'b':{'body':'y','adaptor':null}},"
                           "'edges':{'cron->a':{'source_trigger':'cron','target_job':'a','condition_type':'always'},"
                           "'e2':{'source_job':'a','target_job':'b','condition_type':'js_expression',"
                           "'condition_expression':'!state.error','condition_label':'l'}}},"
                           "'W-\\u0032':{'jobs':{}}}}}}");
        const Draft *w = &p.projects[0].workflows[0];

        CHECK_TEXT(w->name, "First");
        CHECK_TEXT(w->triggers[0].key, "cron");
        CHECK(!w->triggers[0].enabled);
        CHECK_TEXT(w->triggers[0].cron_expression, "5 * * * *");
        CHECK(!w->triggers[0].webhook_reply.data);
        CHECK_TEXT(w->triggers[1].webhook_reply, "before_start");
        CHECK_TEXT(w->jobs[0].name, "Job A");
        CHECK_TEXT(w->jobs[0].key, "a");
        CHECK_TEXT(w->jobs[1].name, "b");
        CHECK_TEXT(w->edges[0].key, "cron->a");
        CHECK_TEXT(w->edges[1].key, "e2");
        CHECK_TEXT(w->edges[1].condition_label, "l");
        CHECK_TEXT(p.projects[0].workflows[1].name, "W-2");     /* escapes in keys are undone */
        CHECK_INT(p.projects[0].workflows[1].n_jobs, 0);
}

static void test_defaults(void) {
        Provision p = read(WORKFLOW("'trigger':{'type':'cron'},'jobs':[]"));

        CHECK_TEXT(p.projects[0].workflows[0].triggers[0].cron_expression, "0 0 * * *");
        CHECK_TEXT(p.projects[0].retention_policy, "retain_all");
        CHECK_INT(read("{}").n_projects, 0);
        CHECK_INT(read("{'users':null,'projects':null}").n_users, 0);
        CHECK_INT(read("{'users':[],'projects':{}}").n_users, 0);
}

#define USER(...) "{'users':[{'email':'a@b','first_name':'A','last_name':'B'" __VA_ARGS__ "}]}"
#define PROJECT(...) "{'projects':[{'name':'p'," __VA_ARGS__ "}]}"
#define TRIGGER(...) WORKFLOW("'jobs':[{'name':'j','body':'x'}],'trigger':{" __VA_ARGS__ "}")
#define EDGE(...) WORKFLOW("'trigger':{'type':'webhook'},'jobs':[{'name':'j','body':'x'},{'name':'k','body':'x'}],'edges':[{" __VA_ARGS__ "}]")
#define BLANK "This field can't be blank."
#define NO_JOB "is no job of this workflow"

static const struct {
        const char *document, *field, *message;
} refused[] = {
        { "[]", "", "must be a mapping" },
        { "{'users':7}", "users", "must be a list or a mapping" },
        { "{'users':[7]}", "users[0]", "must be a mapping" },
        { "{'users':[{'first_name':'A','last_name':'B'}]}", "users[0].email", BLANK },
        { "{'users':{'x':{'email':'a@b','last_name':'B'}}}", "users.x.first_name", BLANK },
        { "{'users':[{'email':'ab','first_name':'A','last_name':'B'}]}", "users[0].email", "is not an e-mail address" },
        { USER(",'password':'short'"), "users[0].password", "should be 8 to 72 bytes" },
        { USER(",'password':12345678"), "users[0].password", "is invalid" },
        { USER(",'superuser':'perhaps'"), "users[0].superuser", "is invalid" },
        { USER("},{'email':'A@B','first_name':'A','last_name':'B'"), "users", "has \"a@b\" twice" },

        { "{'projects':[{'description':'x'}]}", "projects[0].name", BLANK },
        { "{'projects':[{'name':'A b'}]}", "projects[0].name", "may hold only a-z, 0-9 and -" },
        { "{'projects':[{'name':'p'},{'name':'p'}]}", "projects", "has \"p\" twice" },
        { PROJECT("'retention_policy':'forget'"), "projects[0].retention_policy",
          "is not one of retain_all, retain_with_errors, erase_all" },
        { PROJECT("'concurrency':-1"), "projects[0].concurrency", "must be at least 1" },
        { PROJECT("'members':[{'email':'a@b','role':'boss'}]"), "projects[0].members[0].role",
          "is not one of viewer, editor, admin, owner" },
        { PROJECT("'members':[{'email':'a@b','role':'owner'},{'email':'a@B','role':'viewer'}]"), "projects[0].members",
          "has \"a@b\" twice" },
        { PROJECT("'credentials':[{'name':'c','owner':'a@b'}]"), "projects[0].credentials[0].body", BLANK },
        { PROJECT("'credentials':[{'name':'c','owner':'a@b','body':[]}]"), "projects[0].credentials[0].body",
          "is invalid" },
        { PROJECT("'credentials':[{'name':'c','owner':'a@b','body':{}},{'name':'c','owner':'b@b','body':{}}]"),
          "projects[0].credentials", "has \"c\" twice" },
        { PROJECT("'collections':['Cache']"), "projects[0].collections[0]",
          "must be a name of a-z, 0-9 and single - _ . between them" },
        { PROJECT("'collections':['a--b']"), "projects[0].collections[0]",
          "must be a name of a-z, 0-9 and single - _ . between them" },
        { PROJECT("'collections':[7]"), "projects[0].collections[0]",
          "must be a name of a-z, 0-9 and single - _ . between them" },
        { PROJECT("'collections':['a','b','a']"), "projects[0].collections", "has \"a\" twice" },
        { PROJECT("'workflows':[{'jobs':[]}]"), "projects[0].workflows[0].name", BLANK },
        { PROJECT("'workflows':[{'name':'w','jobs':[]},{'name':' w','jobs':[]}]"), "projects[0].workflows",
          "has \"w\" twice" },
        { PROJECT("'workflows':{'':{'jobs':[]}}"), "projects[0].workflows..name", BLANK },
        { PROJECT("'workflows':{'a\\u0000':{'jobs':[]}}"), "projects[0].workflows", "has a key that is no name" },
        { WORKFLOW("'jobs':[{'name':'j','body':'x','credential':'c'}]"), "projects[0].workflows",
          "a job names a credential that the project does not have" },

        { WORKFLOW("'edges':[]"), "projects[0].workflows[0].jobs", BLANK },
        { WORKFLOW("'jobs':[{'body':'x'}]"), "projects[0].workflows[0].jobs[0].name", BLANK },
        { WORKFLOW("'jobs':{'k':{'name':'n'}}"), "projects[0].workflows[0].jobs.k.body", BLANK },
        { WORKFLOW("'jobs':[{'name':'j','body':'x'},{'name':'j','body':'y'}]"), "projects[0].workflows[0].jobs",
          "has \"j\" twice" },
        { WORKFLOW("'jobs':{'a':{'name':'j','body':'x'},'b':{'name':'j','body':'y'}}"),
          "projects[0].workflows[0].jobs", "has \"j\" twice" },
        { WORKFLOW("'jobs':{'a':{'name':'i','body':'x'},'a':{'name':'j','body':'y'}}"),
          "projects[0].workflows[0].jobs", "has \"a\" twice" },
        { WORKFLOW("'jobs':[],'trigger':{'type':'webhook'},'triggers':[{'type':'webhook'}]"),
          "projects[0].workflows[0].trigger", "stands beside triggers: one of them is enough" },
        { WORKFLOW("'jobs':[],'triggers':[{'type':'webhook'},{'type':'cron'}]"), "projects[0].workflows[0].triggers",
          "has \"trigger\" twice" },
        { WORKFLOW("'jobs':[],'triggers':{'a':{'type':'webhook','custom_path':'p'},'b':{'type':'webhook',"
                   "'custom_path':'p'}}"),
          "projects[0].workflows", "has \"p\" twice" },

        { TRIGGER("'enabled':true"), "projects[0].workflows[0].trigger.type", BLANK },
        { TRIGGER("'type':'kafka'"), "projects[0].workflows[0].trigger.type", "is not one of webhook, cron" },
        { TRIGGER("'type':'webhook','webhook_reply':'never'"), "projects[0].workflows[0].trigger.webhook_reply",
          "is not one of before_start, after_completion, custom" },
        { TRIGGER("'type':'webhook','custom_path':'a/b'"), "projects[0].workflows[0].trigger.custom_path",
          "may hold only a-z, 0-9, _ and -" },
        { TRIGGER("'type':'webhook','webhook_response_config':{'error_code':99}"),
          "projects[0].workflows[0].trigger.webhook_response_config", "codes must be from 200 to 599" },
        { TRIGGER("'type':'webhook','webhook_response_config':{'success_code':'x'}"),
          "projects[0].workflows[0].trigger.webhook_response_config.success_code", "is invalid" },
        { TRIGGER("'type':'cron','cron_expression':'@reboot'"), "projects[0].workflows[0].trigger.cron_expression",
          "can't be @reboot: it would never fire" },
        { TRIGGER("'type':'cron','cron_cursor_job':'q'"), "projects[0].workflows[0].cron_cursor_job", NO_JOB },

        { EDGE("'to':'j'"), "projects[0].workflows[0].edges[0]", "needs either a source_trigger or a source_job" },
        { EDGE("'source_trigger':'trigger','source_job':'k','to':'j'"), "projects[0].workflows[0].edges[0]",
          "needs either a source_trigger or a source_job" },
        { EDGE("'source_trigger':'x','to':'j'"), "projects[0].workflows[0].edges[0].source_trigger",
          "is no trigger of this workflow" },
        { EDGE("'from':'x','to':'j'"), "projects[0].workflows[0].edges[0].source_job", NO_JOB },
        { EDGE("'from':'j','to':'x'"), "projects[0].workflows[0].edges[0].target_job", NO_JOB },
        { EDGE("'from':'j'"), "projects[0].workflows[0].edges[0].target_job", NO_JOB },
        { EDGE("'from':'j','to':'j'"), "projects[0].workflows[0].edges[0].target_job", "must differ from the source" },
        { EDGE("'from':'j','to':'k','condition_type':'x'"), "projects[0].workflows[0].edges[0].condition_type",
          "is not one of always, on_job_success, on_job_failure, js_expression" },
        { EDGE("'from':'trigger','to':'k','condition':'on_job_success'"),
          "projects[0].workflows[0].edges[0].condition_type",
          "must be always or js_expression when the source is a trigger" },
        { EDGE("'from':'j','to':'k','condition':'js_expression'"),
          "projects[0].workflows[0].edges[0].condition_expression", BLANK },
        { EDGE("'from':'j','to':'k'},{'from':'j','to':'k','condition':'always'"), "projects[0].workflows[0].edges",
          "has \"j->k\" twice" },
};

static void test_refused(void) {
        for (size_t i = 0; i < ELEMENTSOF(refused); i++) {
                FieldErrors errors = {};
                Provision provision = { .n_users = 42 };
                int r = provision_read(&arena, document(refused[i].document), &provision, &errors);

                if (r != -EINVAL || errors.n_errors != 1 || strcmp(errors.errors[0].field, refused[i].field) != 0 ||
                    strcmp(errors.errors[0].message, refused[i].message) != 0) {
                        fprintf(stderr, "%s:\n%d, %zu errors\n", refused[i].document, r, errors.n_errors);
                        for (size_t e = 0; e < errors.n_errors; e++)
                                fprintf(stderr, "%s %s\n", errors.errors[e].field, errors.errors[e].message);
                        exit(1);
                }
                CHECK_INT(provision.n_users, 42);
        }
}

static void test_limits(void) {
        _cleanup_(buffer_deinit) Buffer many = BUFFER_NULL, name = BUFFER_NULL;
        FieldErrors errors = {};
        Provision provision;

        buffer_append_string(&many, "{'users':[0");
        for (size_t i = 0; i < 10000; i++)
                buffer_append_string(&many, ",0");
        buffer_append_string(&many, "]}");
        CHECK_INT(provision_read(&arena, document(buffer_string(&many)), &provision, &errors), -EINVAL);
        CHECK_INT(errors.n_errors, 1);
        CHECK_STRING(errors.errors[0].message, "has too many entries");

        buffer_append_string(&name, "{'projects':[{'name':'p','workflows':[{'name':'w','jobs':{'");
        for (size_t i = 0; i < 101; i++)
                buffer_append_string(&name, "é");
        buffer_append_string(&name, "':{'body':'x'}}}]}]}");
        errors = (FieldErrors) {};
        CHECK_INT(provision_read(&arena, document(buffer_string(&name)), &provision, &errors), -EINVAL);
        CHECK_STRING(errors.errors[0].message, "should be at most 100 character(s)");

        /* More complaints than there is room for. */
        errors = (FieldErrors) {};
        CHECK_INT(provision_read(&arena, document("{'users':[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}"), &provision,
                                 &errors),
                  -EINVAL);
        CHECK_INT(errors.n_errors, FIELD_MAX_ERRORS);
}

static const char with_everything[] =
        WORKFLOW("'triggers':{'t':{'type':'cron','cron_cursor_job':'k'}},"
                 "'jobs':{'j':{'name':'J','body':'1'},'k':{'body':'2'}},"
                 "'edges':{'e':{'source_trigger':'t','target_job':'j'},'f':{'source_job':'J','target_job':'k'}}");

static Draft *resolve(const char *text, Uuid id) {
        Provision p = read(text);
        Draft *w = &p.projects[0].workflows[0];

        w->id = id;
        provision_workflow_resolve(w);
        return w;
}

static void test_ids(void) {
        const Uuid here = { .bytes = { 1, 2, 3 } }, there = { .bytes = { 4, 5, 6 } };
        Draft *w = resolve(with_everything, here), *again = resolve(with_everything, here);
        Draft *other = resolve(with_everything, there);
        char text[UUID_STRING_SIZE];

        CHECK(uuid_equal(&w->edges[0].source_trigger_id, &w->triggers[0].id));
        CHECK(uuid_is_null(&w->edges[0].source_job_id));
        CHECK(uuid_equal(&w->edges[0].target_job_id, &w->jobs[0].id));
        CHECK(uuid_equal(&w->edges[1].source_job_id, &w->jobs[0].id));  /* by its name */
        CHECK(uuid_equal(&w->edges[1].target_job_id, &w->jobs[1].id));
        CHECK(uuid_equal(&w->triggers[0].cron_cursor_job_id, &w->jobs[1].id));

        CHECK(uuid_equal(&w->jobs[0].id, &again->jobs[0].id));
        CHECK(uuid_equal(&w->edges[1].id, &again->edges[1].id));
        CHECK(!uuid_equal(&w->jobs[0].id, &w->jobs[1].id));
        CHECK(!uuid_equal(&w->jobs[0].id, &other->jobs[0].id));

        /* What is in databases already must be found again. */
        CHECK_STRING(uuid_format(&w->triggers[0].id, text), "f1ecf5c0-139c-8eff-853d-adb070be6f37");
        CHECK_STRING(uuid_format(&w->jobs[0].id, text), "5d7ce71c-65b0-856a-a7c8-99f0ff6046f6");
        CHECK_STRING(uuid_format(&w->edges[0].id, text), "20a0b71f-a557-8983-9335-55f27f215d59");

        /* A job's key is its identity, not its name, body or place. */
        Draft *changed = resolve(WORKFLOW("'jobs':{'k':{'body':'3'},'j':{'name':'New','body':'1'}}"), here);
        CHECK(uuid_equal(&w->jobs[0].id, &changed->jobs[1].id));
}

int main(void) {
        test_list_form();
        test_map_form();
        test_defaults();
        test_refused();
        test_limits();
        test_ids();
        arena_deinit(&arena);
        return 0;
}
