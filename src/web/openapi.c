/* SPDX-License-Identifier: Apache-2.0 */

/*
 * GET /api/openapi.json. Written anew for each request: the table it is made of is the one that serves, so there is
 * nothing that could be out of date. Who may is told as each route's right.
 */

#include "serve/route.h"
#include "web/cookie.h"
#include "web/json-api.h"
#include "web/openapi.h"
#include "web/page.h"
#include "web/web.h"

static const struct {
        const char *status, *what;
} refusals[] = {
        { "400", "The request cannot be understood" },
        { "401", "Nobody, or nobody known, asks" },
        { "403", "Whoever asks may not" },
        { "404", "There is no such thing" },
        { "409", "It is not in a state for that" },
        { "413", "The body is too large" },
        { "422", "Fields are wrong" },
        { "429", "Too many guesses" },
};

/* "{name}" of the pattern. */
static void write_parameters(JsonWriter *w, const Route *route) {
        Text rest = text_of(route->pattern), segment;

        json_begin_array(w, "parameters");
        while (text_split(&rest, '/', &segment)) {
                if (!text_starts_with(segment, "{"))
                        continue;
                json_begin(w, NULL);
                json_text(w, "name", text_make(segment.data + 1, segment.length - 2));
                json_string(w, "in", "path");
                json_bool(w, "required", true);
                json_begin(w, "schema");
                json_string(w, "type", "string");
                json_end(w);
                json_end(w);
        }
        json_end_array(w);
}

static void write_body(JsonWriter *w, const Route *route) {
        if (route->max_body == 0)
                return;
        json_begin(w, "requestBody");
        json_begin(w, "content");
        json_begin(w, "application/json");
        json_begin(w, "schema");
        json_string(w, "type", "object");
        json_end(w);
        json_end(w);
        json_end(w);
        json_end(w);
}

static void write_success(JsonWriter *w, const Route *route, Arena *arena) {
        json_begin(w, "2XX");
        json_string(w, "description", "It is done");
        if (route->schema) {
                json_begin(w, "content");
                json_begin(w, "application/json");
                json_begin(w, "schema");
                json_string(w, "$ref", arena_printf(arena, "#/components/schemas/%.*s",
                                                     (int) (strlen(route->schema) - strlen(".json")), route->schema));
                json_end(w);
                json_end(w);
                json_end(w);
        }
        json_end(w);
}

static void write_responses(JsonWriter *w, const Route *route, Arena *arena) {
        json_begin(w, "responses");
        write_success(w, route, arena);
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                json_begin(w, refusals[i].status);
                json_string(w, "description", refusals[i].what);
                json_end(w);
        }
        json_end(w);
}

/* "get_api_runs_id" */
static const char *operation_id(const Route *route, Arena *arena) {
        char *id = arena_printf(arena, "%s%s", route->method, route->pattern);
        size_t n = 0;

        for (const char *c = id; *c; c++)
                if (*c >= 'A' && *c <= 'Z')
                        id[n++] = (char) (*c + 'a' - 'A');
                else if ((*c >= 'a' && *c <= 'z') || *c == '_')
                        id[n++] = *c;
                else if (n > 0 && id[n - 1] != '_')
                        id[n++] = '_';
        while (n > 0 && id[n - 1] == '_')
                n--;
        id[n] = '\0';
        return id;
}

/* One of these will do. */
static void write_security(JsonWriter *w, Auth auth) {
        const struct {
                const char *scheme;
                bool takes;
        } all[] = {
                { "token", auth != AUTH_NONE && auth != AUTH_SESSION },
                { "session", auth == AUTH_SESSION || auth == AUTH_SESSION_OR_TOKEN },
        };

        json_begin_array(w, "security");
        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                if (!all[i].takes)
                        continue;
                json_begin(w, NULL);
                json_begin_array(w, all[i].scheme);
                json_end_array(w);
                json_end(w);
        }
        json_end_array(w);
}

static void write_operation(JsonWriter *w, const Route *route, Arena *arena) {
        char *method = arena_strdup(arena, route->method);

        for (char *c = method; *c; c++)
                *c += 'a' - 'A';
        json_begin(w, method);
        json_string(w, "operationId", operation_id(route, arena));
        json_string(w, "x-right", right_name(route->right));
        write_parameters(w, route);
        write_body(w, route);
        write_responses(w, route, arena);
        write_security(w, route->auth);
        json_end(w);
}

/* Everything that does not begin with {: those are for what is not there. */
static bool is_described(const Route *route) {
        return route->pattern && strncmp(route->pattern, "/{", 2) != 0;
}

static bool is_first_of_path(const Route *route) {
        for (const Route *other = web_routes; other < route; other++)
                if (strcmp(other->pattern, route->pattern) == 0)
                        return false;
        return true;
}

static void write_paths(JsonWriter *w, Arena *arena) {
        json_begin(w, "paths");
        for (const Route *path = web_routes; path->pattern; path++) {
                if (!is_described(path) || !is_first_of_path(path))
                        continue;
                json_begin(w, path->pattern);
                for (const Route *route = path; route->pattern; route++)
                        if (strcmp(route->pattern, path->pattern) == 0)
                                write_operation(w, route, arena);
                json_end(w);
        }
        json_end(w);
}

static void write_components(JsonWriter *w) {
        json_begin(w, "components");
        json_raw(w, "schemas", text_make(openapi_schemas, openapi_schemas_length));
        json_begin(w, "securitySchemes");
        json_begin(w, "token");
        json_string(w, "type", "http");
        json_string(w, "scheme", "bearer");
        json_string(w, "description", "A personal access token, or for collections the token of a run");
        json_end(w);
        json_begin(w, "session");
        json_string(w, "type", "apiKey");
        json_string(w, "in", "cookie");
        json_string(w, "name", SESSION_COOKIE);
        json_string(w, "description", "Who has logged in; what is no GET also needs the x-csrf-token of GET /users/session");
        json_end(w);
        json_end(w);
        json_end(w);
}

static int reply_description(Call *call) {
        Buffer body = BUFFER_NULL;
        JsonWriter w = JSON_WRITER(&body);

        json_begin(&w, NULL);
        json_string(&w, "openapi", "3.1.0");
        json_begin(&w, "info");
        json_string(&w, "title", "Fulgur");
        json_string(&w, "version", FULGUR_VERSION);
        json_end(&w);
        json_begin_array(&w, "servers");
        json_begin(&w, NULL);
        json_string(&w, "url", url_base(call));
        json_end(&w);
        json_end_array(&w);
        write_paths(&w, &call->arena);
        write_components(&w);
        json_end(&w);
        return reply_json(call, 200, &body);
}

const Stage get_openapi[] = { reply_description, NULL };
