/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From a request to the stages of its route. The order is the original's: request id, OPTIONS, the body's
 * size, the route, what the reply may be, who asks. It decides which error wins.
 */

#include "serve/route.h"

#include "net/inflate.h"
#include "serve/http-source.h"
#include "serve/pattern.h"
#include "serve/service.h"

#define DEADLINE_USEC (30 * USEC_PER_SEC)

static int find_row(const Route *routes, Text method, const Path *path, const Route **ret_route);
static bool serves(const Route *route, Text method);

int route_find(const Route *routes, Text method, Text raw, Arena *arena, const Route **ret_route,
               Text values[static CALL_MAX_PATH_VALUES]) {
        const Route *route;
        Path path;
        int r;

        r = path_split(raw, arena, &path);
        if (r < 0)
                return r;

        r = find_row(routes, method, &path, &route);
        if (r < 0)
                return r;

        path_values(&path, route->pattern, arena, values);
        *ret_route = route;
        return 0;
}

/* Tables have some dozens of rows and most end at the first segment: going through them is cheaper than it
 * looks. */
static int find_row(const Route *routes, Text method, const Path *path, const Route **ret_route) {
        const Route *best = NULL;
        uint64_t best_rank = 0;
        bool is_known = false;

        for (const Route *route = routes; route->pattern; route++) {
                uint64_t rank = path_matches(path, route->pattern);

                if (rank == 0)
                        continue;

                is_known = true;
                if (rank > best_rank && serves(route, method)) {
                        best = route;
                        best_rank = rank;
                }
        }

        if (!best)
                return is_known ? -EOPNOTSUPP : -ENOENT;

        *ret_route = best;
        return 0;
}

static bool serves(const Route *route, Text method) {
        return text_is(method, route->method) ||
               (text_is(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

/* -- serving ------------------------------------------------------------------------------------- */

/* Scopes that speak nothing but JSON. */
static bool is_json_scope(const Route *route) {
        static const char *const scopes[] = { "/api/", "/collections/", "/i/" };

        for (size_t i = 0; i < ELEMENTSOF(scopes); i++)
                if (strncmp(route->pattern, scopes[i], strlen(scopes[i])) == 0)
                        return true;

        return false;
}

/* Errors from before the route is known to accept JSON: the peer has to ask for it by name. */
static void refuse_plainly(Call *call, unsigned status) {
        if (http_asks_for_json(call->peer)) {
                (void) call_reply_error(call, status, http_reason(status));
                return;
        }

        call->content_type = "text/plain; charset=utf-8";
        (void) call_reply(call, status, text_of(http_reason(status)));
}

static bool is_body_too_large(const Route *route, HttpRequest *request) {
        bool is_reading = strcmp(route->method, "GET") == 0 || strcmp(route->method, "DELETE") == 0;

        /* Some clients send "{}" along with everything; without a limit nobody reads it. */
        if (route->max_body == 0 && is_reading)
                return false;

        return http_body(request).length > route->max_body;
}

/* 0, or the status to refuse with. */
static unsigned check_request(const Route *route, HttpRequest *request) {
        if (is_body_too_large(route, request))
                return 413;
        if (is_json_scope(route) && !http_accepts_json(request))
                return 406;

        return 0;
}

/* A stage-less call, so that what is refused early is answered and counted like the rest. */
static void refuse(Service *service, HttpRequest *request, unsigned status) {
        static const Stage nothing[] = { NULL };
        Call *call = call_new(service, &http_source, request, sizeof(Call), nothing, 0);

        http_source_identify(call);
        if (status == 204)
                http_source_preflight(call);
        else if (status == 404)
                (void) call_reply_error(call, status, http_reason(status));
        else
                refuse_plainly(call, status);
        call_start(call);
}

static int reject_unauthenticated(Call *call) {
        return -EKEYREJECTED;
}

static const Stage *authentication(const Service *service) {
        static const Stage none[] = { reject_unauthenticated, NULL };

        return service->config->authenticate ? service->config->authenticate : none;
}

/* -- packed bodies --------------------------------------------------------------------------------- */

static int unpack_body(Call *call) {
        _cleanup_(buffer_deinit) Buffer plain = BUFFER_NULL;
        size_t max = MIN(call->route->max_body, call->service->settings->max_dataclip_size_mb * 1000000);
        int r;

        if (!text_is_nocase(http_header(call_request(call), "content-encoding"), "gzip"))
                return call_reply_error(call, 415, http_reason(415));
        r = inflate_gzip(http_body(call_request(call)), max, &plain);
        if (r == -EMSGSIZE)
                return call_reply_error(call, 413, http_reason(413));
        if (r < 0)
                return r;
        call->body = arena_text(&call->arena, buffer_text(&plain));
        return CALL_NEXT;
}

static bool is_packed(const Route *route, const HttpRequest *request) {
        Text encoding = http_header(request, "content-encoding");

        return route->max_body > 0 && !route->keeps_packed && encoding.length > 0 && !text_is_nocase(encoding, "identity");
}

/* Who asks comes first: a stranger's bomb is not unpacked. */
static const Stage *stages_before(Call *call, const HttpRequest *request) {
        const Stage *who = call->route->auth != AUTH_NONE ? authentication(call->service) : (Stage[]) { NULL };
        size_t n = 0;
        Stage *stages;

        if (!is_packed(call->route, request))
                return *who ? who : NULL;
        while (who[n])
                n++;
        stages = arena_new(&call->arena, Stage, n + 2);
        memcpy(stages, who, n * sizeof *who);
        stages[n] = unpack_body;
        return stages;
}

static void start(Service *service, const Route *route, HttpRequest *request, Arena arena,
                  const Text *values) {
        const Stage *before;
        Call *call = call_new(service, &http_source, request, route->size, route->stages,
                              route->deadline_usec > 0 ? route->deadline_usec : DEADLINE_USEC);

        call->arena = arena;
        call->route = route;
        for (size_t i = 0; i < CALL_MAX_PATH_VALUES; i++)
                call->path_values[i] = values[i].data ? arena_text(&call->arena, values[i]) : TEXT_NULL;

        http_source_identify(call);
        log_context_set(&call->log, "FULGUR_ROUTE", route->pattern);
        before = stages_before(call, request);
        if (before)
                call_run_first(call, before);
        call_start(call);
}

void route_serve(Service *service, const Route *routes, HttpRequest *request) {
        Text values[CALL_MAX_PATH_VALUES] = {};
        Arena arena = ARENA_NULL;
        const Route *route;
        unsigned status;
        int r;

        if (text_is(http_method(request), "OPTIONS")) {
                refuse(service, request, 204);
                return;
        }

        /* A known path with another method is no route either: the original says 404, not 405. */
        r = route_find(routes, http_method(request), http_path(request), &arena, &route, values);
        status = r == -EBADMSG ? 400 : r < 0 ? 404 : check_request(route, request);
        if (status > 0) {
                arena_deinit(&arena);
                refuse(service, request, status);
                return;
        }

        start(service, route, request, arena, values);
}

/* -- the table itself ------------------------------------------------------------------------------ */

static const char *const auth_names[_AUTH_MAX] = {
        [AUTH_NONE] = "none",
        [AUTH_TOKEN] = "token",
        [AUTH_TOKEN_OR_RUN] = "token-or-run",
        [AUTH_SESSION] = "session",
        [AUTH_SESSION_OR_TOKEN] = "session-or-token",
};

static const char *const right_names[_RIGHT_MAX] = {
        [RIGHT_UNDECLARED] = "undeclared",
        [RIGHT_PUBLIC] = "public",
        [RIGHT_AUTHENTICATED] = "authenticated",
        [RIGHT_SUPERUSER] = "superuser",
        [RIGHT_READ_PROJECT] = "read-project",
        [RIGHT_USE_COLLECTION] = "use-collection",
        [RIGHT_READ_DOCUMENT] = "read-document",
        [RIGHT_WRITE_DOCUMENT] = "write-document",
        [RIGHT_EDIT_WORKFLOWS] = "edit-workflows",
        [RIGHT_RUN_WORKFLOW] = "run-workflow",
        [RIGHT_EDIT_PROJECT] = "edit-project",
        [RIGHT_MANAGE_COLLECTIONS] = "manage-collections",
        [RIGHT_MANAGE_MEMBERS] = "manage-members",
        [RIGHT_OWN_CREDENTIAL] = "own-credential",
};

const char *right_name(Right right) {
        return right_names[right];
}

static bool is_method(const char *method) {
        static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };

        for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                if (method && strcmp(method, methods[i]) == 0)
                        return true;

        return false;
}

/* NULL, or what is wrong with the row. */
static const char *check_row(const Route *routes, const Route *row) {
        if (!is_method(row->method))
                return "its method is none we serve";
        if (!pattern_is_valid(row->pattern))
                return "its pattern is malformed";
        if (!row->stages || !row->stages[0])
                return "it has no stages";
        if (row->size < sizeof(Call))
                return "its struct does not begin with a Call";
        if (row->right <= RIGHT_UNDECLARED || row->right >= _RIGHT_MAX)
                return "it declares no right";
        if (row->right != RIGHT_PUBLIC && row->auth == AUTH_NONE)
                return "its right needs authentication";

        for (const Route *other = routes; other < row; other++)
                if (strcmp(other->method, row->method) == 0 && pattern_equal(other->pattern, row->pattern))
                        return "an earlier row serves the same";

        return NULL;
}

int routes_check(const Route *routes) {
        for (const Route *row = routes; row->pattern; row++) {
                const char *wrong = check_row(routes, row);

                if (wrong)
                        return log_error_errno(-EINVAL, "The route %s %s is refused: %s",
                                               row->method ? row->method : "?", row->pattern, wrong);
        }

        return 0;
}

void routes_print(const Route *routes, FILE *stream) {
        fprintf(stream, "%-7s %-48s %-16s %-14s %10s %s\n",
                "METHOD", "PATTERN", "AUTH", "RIGHT", "BODY", "SCHEMA");
        for (const Route *row = routes; row->pattern; row++)
                fprintf(stream, "%-7s %-48s %-16s %-14s %10zu %s\n", row->method, row->pattern,
                        auth_names[row->auth], right_names[row->right], row->max_body,
                        row->schema ? row->schema : "-");
}
