/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What fulgur-web serves itself. RIGHT_READ_PROJECT is kept by the statements: each takes the user and
 * joins the project's members.
 */

#include "web/accounts.h"
#include "web/audit.h"
#include "web/collections.h"
#include "web/credentials.h"
#include "web/dataclips.h"
#include "web/members.h"
#include "web/openapi.h"
#include "web/project-save.h"
#include "web/provision.h"
#include "web/read.h"
#include "web/run-control.h"
#include "web/secret-body.h"
#include "web/web.h"
#include "web/workflows.h"

#define GET_PUBLIC(pattern, stages) { "GET", pattern, stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC }
#define GET_MINE(pattern, stages, reply)                                                           \
        { "GET", pattern, stages, sizeof(Read), AUTH_SESSION_OR_TOKEN, RIGHT_AUTHENTICATED, .schema = reply }
#define GET_PROJECT(pattern, stages, reply)                                                        \
        { "GET", pattern, stages, sizeof(Read), AUTH_SESSION_OR_TOKEN, RIGHT_READ_PROJECT, .schema = reply }

/* Bodies: as large as the server takes them at all, which MAX_DATACLIP_SIZE_MB says. */
#define COLLECTION(method, pattern, stages, reply)                                                 \
        { method, pattern, stages, sizeof(CollectionCall), AUTH_TOKEN_OR_RUN, RIGHT_USE_COLLECTION, \
          .max_body = SIZE_MAX, .schema = reply }

#define OWN_TWO_FACTOR(method, pattern, stages, body, reply)                                       \
        { method, pattern, stages, sizeof(OwnTwoFactor), AUTH_SESSION, RIGHT_AUTHENTICATED, .max_body = body, .schema = reply }

#define PROVISION(method, pattern, stages, right, body, reply)                                     \
        { method, pattern, stages, sizeof(ProvisionCall), AUTH_SESSION_OR_TOKEN, right, .max_body = body, .schema = reply }

#define SAVE_WORKFLOW(method, pattern, stages)                                                     \
        { method, pattern, stages, sizeof(WorkflowSave), AUTH_SESSION_OR_TOKEN, RIGHT_EDIT_WORKFLOWS,         \
          .max_body = SIZE_MAX, .schema = "workflow.json" }

#define CONTROL(method, pattern, stages, right, body, reply)                                       \
        { method, pattern, stages, sizeof(RunControl), AUTH_SESSION_OR_TOKEN, right, .max_body = body, .schema = reply }
#define DATACLIP(method, pattern, stages, right, body, reply)                                      \
        { method, pattern, stages, sizeof(DataclipCall), AUTH_SESSION_OR_TOKEN, right, .max_body = body, .schema = reply }
#define CREDENTIAL(method, pattern, stages, right, body, reply)                                    \
        { method, pattern, stages, sizeof(CredentialCall), AUTH_SESSION_OR_TOKEN, right, .max_body = body, \
          .schema = reply, .keeps_packed = true }
#define MEMBERS(method, pattern, stages, right, body, reply)                                       \
        { method, pattern, stages, sizeof(MemberCall), AUTH_SESSION_OR_TOKEN, right, .max_body = body, .schema = reply }
#define MAX_CONTROL (64 * 1024)

const Route web_routes[] = {
        GET_PUBLIC("/",             get_front_page),
        GET_PUBLIC("/health_check", get_health),
        GET_PUBLIC("/{rest...}",    get_unknown),

        { "POST",   "/users/log_in",     post_log_in,      sizeof(LogIn),      AUTH_NONE,    RIGHT_PUBLIC, SECRET_BODY_MAX, "log-in.json" },
        { "POST",   "/users/two-factor", post_second_step, sizeof(SecondStep), AUTH_NONE,    RIGHT_PUBLIC, SECRET_BODY_MAX, "session.json" },
        { "GET",    "/users/log_out",    get_log_out,      sizeof(Call),       AUTH_NONE,    RIGHT_PUBLIC },
        { "DELETE", "/users/log_out",    delete_log_out,   sizeof(Call),       AUTH_SESSION, RIGHT_AUTHENTICATED },
        { "GET",    "/users/session",    get_session,      sizeof(Call),       AUTH_SESSION, RIGHT_AUTHENTICATED, .schema = "session.json" },

        { "POST",   "/profile/password",    post_own_password, sizeof(OwnPassword), AUTH_SESSION, RIGHT_AUTHENTICATED, SECRET_BODY_MAX, "session.json" },
        { "GET",    "/profile/tokens",      get_own_tokens,    sizeof(Call),        AUTH_SESSION, RIGHT_AUTHENTICATED, .schema = "personal-tokens.json" },
        { "POST",   "/profile/tokens",      post_own_token,    sizeof(OwnToken),    AUTH_SESSION, RIGHT_AUTHENTICATED, SECRET_BODY_MAX, "personal-token.json" },
        { "DELETE", "/profile/tokens/{id}", delete_own_token,  sizeof(Call),        AUTH_SESSION, RIGHT_AUTHENTICATED },
        OWN_TWO_FACTOR("GET",    "/profile/two-factor",              get_own_two_factor,    0,               "two-factor.json"),
        OWN_TWO_FACTOR("POST",   "/profile/two-factor",              post_own_two_factor,   SECRET_BODY_MAX, "two-factor-secret.json"),
        OWN_TWO_FACTOR("PUT",    "/profile/two-factor",              put_own_two_factor,    SECRET_BODY_MAX, "backup-codes.json"),
        OWN_TWO_FACTOR("DELETE", "/profile/two-factor",              delete_own_two_factor, SECRET_BODY_MAX, NULL),
        OWN_TWO_FACTOR("POST",   "/profile/two-factor/backup_codes", post_own_backup_codes, SECRET_BODY_MAX, "backup-codes.json"),

        { "GET", "/api/openapi.json", get_openapi, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC, .schema = "openapi.json" },

        { "GET", "/api/audit_events", get_audit_events, sizeof(AuditCall), AUTH_SESSION_OR_TOKEN, RIGHT_SUPERUSER, .schema = "audit-events.json" },
        GET_MINE("/api/jobs",             get_jobs,        "jobs.json"),
        GET_PROJECT("/api/jobs/{id}",     get_job,         "job.json"),
        GET_MINE("/api/log_lines",        get_log_lines,   "log-lines.json"),
        GET_MINE("/api/projects",         get_projects,    "projects.json"),
        GET_PROJECT("/api/projects/{id}", get_project,     "project.json"),
        GET_MINE("/api/runs",             get_runs,        "runs.json"),
        GET_PROJECT("/api/runs/{id}",     get_run,         "run.json"),
        GET_MINE("/api/work_orders",      get_work_orders, "work-orders.json"),
        GET_PROJECT("/api/work_orders/{id}", get_work_order, "work-order.json"),
        GET_MINE("/api/workflows",        get_workflows,   "workflows.json"),
        GET_PROJECT("/api/workflows/{id}", get_workflow,   "workflow.json"),

        GET_PROJECT("/api/projects/{project_id}/jobs",             get_jobs,        "jobs.json"),
        GET_PROJECT("/api/projects/{project_id}/jobs/{id}",        get_job,         "job.json"),
        GET_PROJECT("/api/projects/{project_id}/runs",             get_runs,        "runs.json"),
        GET_PROJECT("/api/projects/{project_id}/runs/{id}",        get_run,         "run.json"),
        GET_PROJECT("/api/projects/{project_id}/work_orders",      get_work_orders, "work-orders.json"),
        GET_PROJECT("/api/projects/{project_id}/work_orders/{id}", get_work_order,  "work-order.json"),
        GET_PROJECT("/api/projects/{project_id}/workflows",        get_workflows,   "workflows.json"),
        GET_PROJECT("/api/projects/{project_id}/workflows/{id}",   get_workflow,    "workflow.json"),

        { "PUT", "/api/projects/{id}", put_project, sizeof(ProjectSave), AUTH_SESSION_OR_TOKEN, RIGHT_EDIT_PROJECT, .max_body = 4 * MAX_CONTROL, .schema = "project.json" },
        { "GET", "/api/projects/{project_id}/collections/{id}", get_collection, sizeof(CollectionResource), AUTH_SESSION_OR_TOKEN, RIGHT_MANAGE_COLLECTIONS, .schema = "collection.json" },
        { "PUT", "/api/projects/{project_id}/collections/{id}", put_collection, sizeof(CollectionResource), AUTH_SESSION_OR_TOKEN, RIGHT_MANAGE_COLLECTIONS, .max_body = MAX_CONTROL, .schema = "collection.json" },
        CREDENTIAL("GET",    "/api/credentials",                       get_credentials,   RIGHT_AUTHENTICATED,  0,                   "credentials.json"),
        CREDENTIAL("POST",   "/api/credentials",                       post_credential,   RIGHT_AUTHENTICATED,  CREDENTIAL_BODY_MAX, "credential.json"),
        CREDENTIAL("GET",    "/api/credentials/{id}",                  get_credential,    RIGHT_OWN_CREDENTIAL, 0,                   "credential.json"),
        CREDENTIAL("PUT",    "/api/credentials/{id}",                  put_credential,    RIGHT_OWN_CREDENTIAL, CREDENTIAL_BODY_MAX, "credential.json"),
        CREDENTIAL("DELETE", "/api/credentials/{id}",                  delete_credential, RIGHT_OWN_CREDENTIAL, 0,                   NULL),
        CREDENTIAL("GET",    "/api/projects/{project_id}/credentials", get_credentials,   RIGHT_READ_PROJECT,   0,                   "credentials.json"),

        MEMBERS("GET",    "/projects/{project_id}/members",           get_members,   RIGHT_READ_PROJECT,   0,           "members.json"),
        MEMBERS("PUT",    "/projects/{project_id}/members",           put_member,    RIGHT_MANAGE_MEMBERS, MAX_CONTROL, "members.json"),
        MEMBERS("DELETE", "/projects/{project_id}/members/{user_id}", delete_member, RIGHT_MANAGE_MEMBERS, 0,           NULL),

        DATACLIP("GET",   "/projects/{project_id}/jobs/{job_id}/dataclips", get_job_dataclips, RIGHT_READ_PROJECT, 0,           "dataclips.json"),
        DATACLIP("GET",   "/projects/{project_id}/runs/{run_id}/dataclip",  get_run_dataclip,  RIGHT_READ_PROJECT, 0,           "dataclip.json"),
        DATACLIP("PATCH", "/projects/{project_id}/dataclips/{id}",          patch_dataclip,    RIGHT_RUN_WORKFLOW, MAX_CONTROL, "dataclip.json"),
        SAVE_WORKFLOW("POST",  "/api/projects/{project_id}/workflows",      post_workflow),
        SAVE_WORKFLOW("PUT",   "/api/projects/{project_id}/workflows/{id}", put_workflow),
        SAVE_WORKFLOW("PATCH", "/api/projects/{project_id}/workflows/{id}", put_workflow),

        CONTROL("POST", "/projects/{project_id}/workflows/{workflow_id}/runs", post_run,        RIGHT_RUN_WORKFLOW, SIZE_MAX,    "run-started.json"),
        CONTROL("GET",  "/projects/{project_id}/runs/{run_id}/steps",          get_run_steps,   RIGHT_READ_PROJECT, 0,           "steps.json"),
        CONTROL("POST", "/projects/{project_id}/runs/{run_id}/retry",          post_run_retry,  RIGHT_RUN_WORKFLOW, MAX_CONTROL, "run-changed.json"),
        CONTROL("POST", "/projects/{project_id}/runs/{run_id}/cancel",         post_run_cancel, RIGHT_RUN_WORKFLOW, MAX_CONTROL, "run-changed.json"),
        CONTROL("POST", "/projects/{project_id}/work_orders/retry",  post_work_orders_retry,  RIGHT_RUN_WORKFLOW, MAX_CONTROL, "runs-changed.json"),
        CONTROL("POST", "/projects/{project_id}/work_orders/cancel", post_work_orders_cancel, RIGHT_RUN_WORKFLOW, MAX_CONTROL, "runs-changed.json"),

        PROVISION("POST", "/api/provision",     post_provision,     RIGHT_WRITE_DOCUMENT, SIZE_MAX, "project-document.json"),
        PROVISION("GET", "/api/provision/{id}", get_provision,      RIGHT_READ_DOCUMENT,  0,        "project-document.json"),
        PROVISION("GET", "/api/provision/yaml", get_provision_yaml, RIGHT_READ_DOCUMENT,  0,        NULL),

        COLLECTION("GET", "/collections/{name}",          get_collection_items,    "collection-items.json"),
        COLLECTION("POST", "/collections/{name}",         put_collection_items,    "collection-stored.json"),
        COLLECTION("DELETE", "/collections/{name}",       delete_collection_items, "collection-deleted.json"),
        COLLECTION("GET", "/collections/{name}/{key}",    get_collection_item,     "collection-item.json"),
        COLLECTION("PUT", "/collections/{name}/{key}",    put_collection_item,     "collection-stored.json"),
        COLLECTION("DELETE", "/collections/{name}/{key}", delete_collection_item,  "collection-deleted.json"),
        {}
};
