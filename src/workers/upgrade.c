/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who may connect: one path, a worker's token, the protocol version we speak (worker-channel 1.1, 2.1).
 *
 * The token is signed with the bytes of WORKER_SECRET as they are and does not expire. What it says is
 * checked once, here; the channels of the socket trust it.
 */

#include <errno.h>

#include "basic/parse.h"
#include "json/check.h"
#include "json/read.h"
#include "log/message-id.h"
#include "workers/workers.h"

#define SOCKET_PATH "/worker/websocket"
#define WORKER_ISSUER "urn:openfn:worker"
#define IDLE_USEC (60 * USEC_PER_SEC)
#define REFUSAL_NOTE_USEC (10 * USEC_PER_SEC)
#define MIB (1024UL * 1024)
/* A final state is not limited by the worker, and escaped in a string it may double (trap 11). */
#define MIN_MESSAGE (64 * MIB)

static const ChannelKind *const kinds[] = { &queue_channel, &run_channel, NULL };

/* -- refusing -------------------------------------------------------------------------------------- */

/* A misconfigured worker tries again every few seconds, for ever: the journal hears of it now and then. */
static void note_refusal(Workers *workers, HttpRequest *request, const char *reason) {
        uint64_t now = loop_now_usec(workers->service->loop);
        Text from = http_header(request, "x-forwarded-for");

        workers->n_refused++;
        if (workers->refused_usec > 0 && now - workers->refused_usec < REFUSAL_NOTE_USEC)
                return;

        log_full(LOG_WARNING, 0, NULL, MSG_WORKER_REFUSED,
                 "Refused %zu worker connection(s), the last one%s%.*s: %s", workers->n_refused,
                 from.length > 0 ? " from " : "", (int) MIN(from.length, (size_t) 64),
                 from.length > 0 ? from.data : "", reason);
        workers->refused_usec = now;
        workers->n_refused = 0;
}

static void answer(HttpRequest *request, unsigned status, const char *text) {
        http_reply(request, status, "text/plain; charset=utf-8", NULL, 0, text_of(text));
}

/* What is wrong with a token is for the journal alone. */
static void refuse(Workers *workers, HttpRequest *request, unsigned status, const char *reason) {
        char text[128];

        note_refusal(workers, request, reason);
        snprintf(text, sizeof text, "%s: %s", http_reason(status), reason);
        answer(request, status, status == 401 ? http_reason(status) : text);
}

/* -- checks ---------------------------------------------------------------------------------------- */

static bool is_listed(const char *list, Text origin) {
        Text rest = text_of(list), entry;

        while (text_split(&rest, ',', &entry)) {
                entry = text_trim(entry);
                if (entry.length == origin.length && entry.length > 0 &&
                    strncasecmp(entry.data, origin.data, entry.length) == 0)
                        return true;
        }
        return false;
}

/* Workers send none; a page in a browser does, and has no business here unless it is ours. */
static bool origin_is_allowed(const Settings *settings, Text origin) {
        Text rest = origin, host;

        if (!origin.data)
                return true;
        if (settings->origins)
                return is_listed(settings->origins, origin);

        if (!text_starts_with(origin, "http://") && !text_starts_with(origin, "https://"))
                return false;
        rest = text_make(memchr(origin.data, '/', origin.length), 0);
        rest.data += 2;
        rest.length = (size_t) (origin.data + origin.length - rest.data);
        return text_split(&rest, ':', &host) && text_is_nocase(host, settings->url_host);
}

/* 2.0.x; without one it would be the first serializer, which no worker speaks. */
static bool version_is_spoken(Text version) {
        uint64_t patch;

        return text_starts_with(version, "2.0.") &&
               parse_u64(text_make(version.data + 4, version.length - 4), &patch) == 0;
}

typedef struct WorkerClaims {
        Text issuer, worker_id, issued_at, not_before;  /* the last ones raw */
} WorkerClaims;

static const Field worker_claims[] = {
        { "iss",       FIELD_STRING, offsetof(WorkerClaims, issuer),    FIELD_REQUIRED },
        { "worker_id", FIELD_RAW,    offsetof(WorkerClaims, worker_id), FIELD_REQUIRED },
        { "iat",       FIELD_RAW,    offsetof(WorkerClaims, issued_at), FIELD_REQUIRED },
        { "nbf",       FIELD_RAW,    offsetof(WorkerClaims, not_before)                },
        {}
};

/* NULL, or what is wrong with the token. *ret_worker_id: raw JSON. */
static const char *check_token(const Settings *settings, Text query, Arena *arena, Text *ret_worker_id) {
        Text raw = query_get(query, "token"), token, claims;
        WorkerClaims worker = {};
        FieldErrors errors = {};
        double not_before;

        if (!raw.data || parse_percent(raw, true, arena, &token) < 0)
                return "it sent no token";
        if (jwt_verify_hs256(secret_text(settings->worker_secret), token, arena, &claims) < 0)
                return "its token is not signed with our WORKER_SECRET";
        if (json_read(arena, claims, worker_claims, &worker, &errors) < 0)
                return "its token lacks iss, iat or worker_id";
        if (!text_is(worker.issuer, WORKER_ISSUER))
                return "its token was not issued by a worker";
        if (worker.not_before.data && (parse_double(worker.not_before, &not_before) < 0 ||
                                       not_before > (double) (clock_now_usec() / USEC_PER_SEC)))
                return "its token is not valid yet";

        *ret_worker_id = worker.worker_id;
        return NULL;
}

/* -- admitting ------------------------------------------------------------------------------------- */

static void on_gone(ChannelSocket *socket) {
        free(socket->state);
        workers_of(socket->service)->n_sockets--;
}

static Peer *make_peer(HttpRequest *request, Arena *arena, Text raw_worker_id) {
        Text id = raw_worker_id, version = query_get(http_query(request), "worker_version");

        if (json_kind(raw_worker_id) == JSON_STRING && json_unescape(arena, raw_worker_id, &id) < 0)
                id = TEXT_NULL;
        if (version.data && parse_percent(version, true, arena, &version) < 0)
                version = TEXT_NULL;
        return peer_new(id, version);
}

static void accept_worker(Workers *workers, HttpRequest *request, Peer *peer) {
        size_t max_message =
                MAX(MIN_MESSAGE, 4 * workers->service->settings->max_dataclip_size_mb * MIB + MIB);
        const WebSocketConfig config = {
                .max_message = max_message,
                .max_queue = max_message,
                .idle_timeout_usec = IDLE_USEC,
        };
        ChannelSocket *socket;

        socket = channel_accept(workers->service, request, &config, kinds, peer, on_gone);
        if (!socket) {
                free(peer);
                return;
        }

        list_append(&workers->sockets, &socket->link);
        workers->n_sockets++;
}

void worker_request(HttpRequest *request, void *userdata) {
        _cleanup_(arena_deinit) Arena arena = ARENA_NULL;
        Service *service = userdata;
        Workers *workers = workers_of(service);
        Text worker_id = TEXT_NULL;
        const char *wrong;

        if (!text_is(http_path(request), SOCKET_PATH))
                return answer(request, 404, "Not Found: workers connect to " SOCKET_PATH);
        if (!text_is(http_method(request), "GET"))
                return answer(request, 400, "Bad Request: a WebSocket begins with GET");
        if (!origin_is_allowed(service->settings, http_header(request, "origin")))
                return refuse(workers, request, 403, "its Origin is not allowed");
        if (!version_is_spoken(query_get(http_query(request), "vsn")))
                return refuse(workers, request, 403, "it does not speak vsn 2.0");

        wrong = check_token(service->settings, http_query(request), &arena, &worker_id);
        if (wrong)
                return refuse(workers, request, 401, wrong);
        if (service->stopping)
                return answer(request, 503, "Service Unavailable: stopping");

        accept_worker(workers, request, make_peer(request, &arena, worker_id));
}
