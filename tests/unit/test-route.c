/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Routing: which row a path meets, what its braces hold, which paths are refused, which tables are.
 */

#include "check.h"
#include "serve/pattern.h"
#include "serve/route.h"

static int nothing(Call *call) {
        return CALL_DONE;
}

static const Stage stages[] = { nothing, NULL };

#define ROW(method, pattern) { method, pattern, stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC }

static const Route routes[] = {
        ROW("GET",    "/"),
        ROW("GET",    "/api/projects"),
        ROW("GET",    "/api/projects/{id}"),
        ROW("PUT",    "/api/projects/{id}"),
        ROW("GET",    "/api/projects/{project_id}/runs/{id}"),
        ROW("GET",    "/api/projects/{id}/{page}"),
        ROW("GET",    "/api/provision/yaml"),
        ROW("GET",    "/api/provision/{id}"),
        ROW("POST",   "/api/provision"),
        ROW("DELETE", "/collections/{name}/{key}"),
        ROW("GET",    "/files/{rest...}"),
        ROW("GET",    "/files"),
        ROW("GET",    "/files/{name}/raw"),
        ROW("POST",   "/i/{path...}"),
        ROW("GET",    "/{rest...}"),
        {}
};

static void test_find(void) {
        static const struct {
                const char *method, *path;
                int r;
                const char *pattern, *values[CALL_MAX_PATH_VALUES];
        } cases[] = {
                { "GET",    "/",                              0, "/" },
                { "GET",    "/api/projects",                  0, "/api/projects" },
                { "HEAD",   "/api/projects",                  0, "/api/projects" },
                { "GET",    "/api/projects/",                 0, "/api/projects" },
                { "GET",    "//api///projects",               0, "/api/projects" },
                { "GET",    "/api/projects/1",                0, "/api/projects/{id}", { "1" } },
                { "PUT",    "/api/projects/1",                0, "/api/projects/{id}", { "1" } },
                { "GET",    "/api/projects/1/runs/2",         0, "/api/projects/{project_id}/runs/{id}", { "1", "2" } },
                { "GET",    "/api/projects/1/runs",           0, "/api/projects/{id}/{page}", { "1", "runs" } },
                /* A literal beats a name, and the leftmost difference decides. */
                { "GET",    "/api/provision/yaml",            0, "/api/provision/yaml" },
                { "GET",    "/api/provision/other",           0, "/api/provision/{id}", { "other" } },
                { "GET",    "/files/a/raw",                   0, "/files/{name}/raw", { "a" } },
                { "GET",    "/files/a/b",                     0, "/files/{rest...}", { "a/b" } },
                { "GET",    "/files/a//b/",                   0, "/files/{rest...}", { "a//b/" } },
                /* The end beats a rest of nothing. */
                { "GET",    "/files",                         0, "/files" },
                { "POST",   "/i",                             0, "/i/{path...}", { "" } },
                { "POST",   "/i/x/Patient",                   0, "/i/{path...}", { "x/Patient" } },
                { "GET",    "/anything/else",                 0, "/{rest...}", { "anything/else" } },
                /* Segments are decoded one by one: an escaped slash is none. */
                { "GET",    "/api/%70rojects/a%2Fb",          0, "/api/projects/{id}", { "a/b" } },
                { "GET",    "/api/projects/%E2%82%AC",        0, "/api/projects/{id}", { "\xe2\x82\xac" } },
                { "GET",    "/api/projects/a+b",              0, "/api/projects/{id}", { "a+b" } },
                { "POST",   "/i/a%20b/c",                     0, "/i/{path...}", { "a b/c" } },
                { "GET",    "/api/projects/..",               0, "/api/projects/{id}", { ".." } },

                { "PATCH",  "/api/projects/1",                -EOPNOTSUPP },
                { "POST",   "/",                              -EOPNOTSUPP },
                { "get",    "/api/projects",                  -EOPNOTSUPP },
                { "GET",    "",                               -EBADMSG },
                { "GET",    "*",                              -EBADMSG },
                { "GET",    "/api/projects/%00",              -EBADMSG },
                { "GET",    "/api/projects/a%00b",            -EBADMSG },
                { "GET",    "/api/projects/%",                -EBADMSG },
                { "GET",    "/api/projects/%4",               -EBADMSG },
                { "GET",    "/api/projects/%zz",              -EBADMSG },
                { "GET",    "/api/projects/%ff",              -EBADMSG },
                { "GET",    "/api/projects/\xff",             -EBADMSG },
                { "GET",    "/nowhere/%zz",                   -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                Text values[CALL_MAX_PATH_VALUES] = {};
                const Route *route = NULL;
                int r;

                r = route_find(routes, text_of(cases[i].method), text_of(cases[i].path), &arena, &route, values);
                if (r != cases[i].r)
                        fprintf(stderr, "%s %s\n", cases[i].method, cases[i].path);
                CHECK_INT(r, cases[i].r);
                if (r < 0)
                        continue;

                CHECK_STRING(route->pattern, cases[i].pattern);
                for (size_t n = 0; n < CALL_MAX_PATH_VALUES; n++)
                        CHECK_TEXT(values[n], cases[i].values[n] ? cases[i].values[n] : "");
        }
}

static void test_unknown(void) {
        static const Route few[] = { ROW("GET", "/api/projects"), ROW("GET", "/api/{id}/x"), {} };
        static const char *const paths[] = { "/", "/api", "/api/projects/1", "/api/a/y", "/Api/projects", "/api/a/x/y" };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
                Text values[CALL_MAX_PATH_VALUES] = {};
                const Route *route;

                CHECK_INT(route_find(few, TEXT("GET"), text_of(paths[i]), &arena, &route, values), -ENOENT);
        }
}

/* A path of more segments than any pattern only meets a rest, and the rest is whole. */
static void test_long_path(void) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        _cleanup_(buffer_deinit) Buffer path = BUFFER_NULL;
        Text values[CALL_MAX_PATH_VALUES] = {};
        const Route *route;

        for (size_t i = 0; i < 1000; i++)
                buffer_append_string(&path, "/x");

        CHECK_INT(route_find(routes, TEXT("GET"), buffer_text(&path), &arena, &route, values), 0);
        CHECK_STRING(route->pattern, "/{rest...}");
        CHECK_INT(values[0].length, 1999);
}

static void test_patterns(void) {
        static const struct {
                const char *pattern;
                bool is_valid;
        } cases[] = {
                { "/",                       true  }, { "/a/{id}",          true  }, { "/{a}/{b}/{c}/{d}", true  },
                { "/a/{rest...}",            true  }, { "/{project_id}",    true  }, { NULL,               false },
                { "",                        false }, { "a",                false }, { "/{}",              false },
                { "/{a",                     false }, { "/a}",              false }, { "/{A}",             false },
                { "/{a}b",                   false }, { "/{...}",           false }, { "/{a...}/b",        false },
                { "/{a}/{b}/{c}/{d}/{e}",    false }, { "/{a...}/{b...}",   false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                CHECK_INT(pattern_is_valid(cases[i].pattern), cases[i].is_valid);

        CHECK(pattern_equal("/a/{id}", "/a/{name}"));
        CHECK(pattern_equal("/a/", "/a"));
        CHECK(!pattern_equal("/a/{id}", "/a/b"));
        CHECK(!pattern_equal("/a/{id}", "/a/{id...}"));
        CHECK(!pattern_equal("/a", "/a/b"));
}

static void test_tables(void) {
        static const Stage no_stages[] = { NULL };
        static const Route bad[] = {
                { "FETCH", "/a", stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
                { NULL, "/a", stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
                { "GET", "a", stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
                { "GET", "/a", NULL, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
                { "GET", "/a", no_stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
                { "GET", "/a", stages, sizeof(Call) - 1, AUTH_NONE, RIGHT_PUBLIC },
                { "GET", "/a", stages, sizeof(Call) },
                { "GET", "/a", stages, sizeof(Call), AUTH_TOKEN },
                { "GET", "/a", stages, sizeof(Call), AUTH_NONE, RIGHT_READ_PROJECT },
                { "GET", "/x/{other}", stages, sizeof(Call), AUTH_NONE, RIGHT_PUBLIC },
        };

        CHECK_INT(routes_check(routes), 0);

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                const Route table[] = { ROW("GET", "/x/{id}"), bad[i], {} };

                CHECK_INT(routes_check(table), -EINVAL);
        }
}

int main(void) {
        test_find();
        test_unknown();
        test_long_path();
        test_patterns();
        test_tables();
        return 0;
}
