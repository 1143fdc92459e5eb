/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is a sibling's goes to the sibling, as it came: callers and workers know one address, and each of the
 * two services behind it has its own rights, keys and limits. Preflights are answered here; the rest, who
 * may and what is too large included, is the sibling's to say.
 */

#include "serve/pattern.h"
#include "web/web.h"

/* What the sibling refuses itself, with its own words, once it is whole. */
#define BODY_MARGIN (64 * 1024)

typedef struct Sibling {
        const char *pattern;
        const char *setting;
} Sibling;

static const Sibling siblings[N_SIBLINGS] = {
        { "/i/{rest...}",      "FULGUR_WEBHOOKS_SOCKET" },
        { "/worker/{rest...}", "FULGUR_WORKERS_SOCKET"  },
};

size_t forward_max_body(const Settings *settings) {
        return settings->max_dataclip_size_mb * 1000000 + BODY_MARGIN;
}

/* Whose path this is, or NULL. Matched like a route, so that both sides agree on what "/i//x" and "/%69/x"
 * are. */
static const Sibling *find_sibling(Text raw) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Path path;

        if (path_split(raw, &arena, &path) < 0)
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(siblings); i++)
                if (path_matches(&path, siblings[i].pattern) > 0)
                        return &siblings[i];

        return NULL;
}

/* Said when it begins and when it ends, not with every request. */
static void note(bool *is_missing, const char *socket, int r) {
        if (r < 0 && !*is_missing)
                log_warning_errno(r, "Failed to reach %s, callers get 502: %m", socket);
        else if (r >= 0 && *is_missing)
                log_info("%s can be reached again", socket);

        *is_missing = r < 0;
}

bool forward_serve(Service *service, HttpRequest *request) {
        Web *web = service->state;
        const Sibling *sibling;
        const char *socket;

        if (text_is(http_method(request), "OPTIONS"))
                return false;

        sibling = find_sibling(http_path(request));
        if (!sibling)
                return false;

        socket = settings_text(service->settings, sibling->setting);
        note(&web->is_missing[sibling - siblings], socket, http_forward(request, socket));
        return true;
}
