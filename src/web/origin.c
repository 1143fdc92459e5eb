/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where requests come from.
 */

#include "web/origin.h"

#include <arpa/inet.h>

#include "serve/service.h"
#include "web/web.h"

/* -- pages ------------------------------------------------------------------------------------- */

static bool is_listed(const char *list, Text origin) {
        Text rest = text_of(list), entry;

        while (text_split(&rest, ',', &entry))
                if (text_equal(text_trim(entry), origin))
                        return true;

        return false;
}

/* The browser says the same of the page and of where it sends to: then both are one, whatever proxies call us. */
static bool is_where_it_goes(const Call *call, Text origin) {
        Text host = http_authority(call_request(call));

        if (text_starts_with(origin, "https://"))
                origin = text_make(origin.data + strlen("https://"), origin.length - strlen("https://"));
        else if (text_starts_with(origin, "http://"))
                origin = text_make(origin.data + strlen("http://"), origin.length - strlen("http://"));
        else
                return false;

        return host.length > 0 && text_equal(host, origin);
}

static bool is_ours(const Call *call, Text origin) {
        const Web *web = call->service->state;
        const char *origins = call->service->settings->origins;

        return text_is(origin, web->base_url) || is_where_it_goes(call, origin) ||
               (origins && is_listed(origins, origin));
}

bool origin_is_foreign(Call *call) {
        const HttpRequest *request = call_request(call);
        size_t n = http_header_count(request, "origin");

        if (text_is(http_header(request, "sec-fetch-site"), "cross-site"))
                return true;

        return n > 1 || (n == 1 && !is_ours(call, http_header(request, "origin")));
}

/* -- addresses --------------------------------------------------------------------------------- */

static bool is_loopback(const char *address) {
        return text_starts_with(text_of(address), "127.") || strcmp(address, "::1") == 0;
}

/* What the nearest proxy has added; what stands before it anybody may have written. */
static Text last_forwarded(const HttpRequest *request) {
        Text last = TEXT_NULL, rest, part;

        for (size_t i = 0; i < http_n_headers(request); i++) {
                HttpHeader header = http_header_at(request, i);

                if (strcmp(header.name, "x-forwarded-for") != 0)
                        continue;
                for (rest = header.value; text_split(&rest, ',', &part);)
                        last = text_trim(part);
        }
        return last;
}

/* 2001:db8:1:2:: for all of that network. NULL: it is no address. */
static const char *network(Arena *arena, const char *address) {
        struct in6_addr in6;
        struct in_addr in;
        char text[INET6_ADDRSTRLEN];

        if (inet_pton(AF_INET, address, &in) == 1)
                return arena_strdup(arena, address);
        if (inet_pton(AF_INET6, address, &in6) != 1)
                return NULL;
        if (!IN6_IS_ADDR_V4MAPPED(&in6))
                memset(in6.s6_addr + 8, 0, 8);
        return arena_strdup(arena, inet_ntop(AF_INET6, &in6, text, sizeof text));
}

Text origin_address(Call *call) {
        const HttpRequest *request = call_request(call);
        char peer[HTTP_PEER_SIZE];
        const char *address = http_peer(request, peer), *found = NULL;
        Text forwarded = last_forwarded(request);

        if ((!address || is_loopback(address)) && forwarded.length > 0)
                found = network(&call->arena, arena_text_string(&call->arena, forwarded));
        if (!found && address)
                found = network(&call->arena, address);

        return text_of(found ? found : "this machine");
}
