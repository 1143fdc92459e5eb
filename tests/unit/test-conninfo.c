/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What becomes of a DATABASE_URL.
 */

#include <errno.h>

#include "check.h"
#include "db/conninfo.h"

static const struct {
        const char *url;
        bool disable_ssl;
        int error;
        const char *contains, *lacks;   /* pieces that must and must not be there; separated by '|' */
} cases[] = {
        { "", false, 0, "application_name='test'|client_encoding='UTF8'", "sslmode|host=|dbname=" },
        { "postgres:///x", false, 0, "dbname='x'", "sslmode|host=" },
        { "postgres://u:p@h:5433/x", false, 0,
          "user='u'|password='p'|host='h'|port='5433'|dbname='x'|sslmode='require'|tcp_user_timeout='30000'",
          NULL },
        { "postgresql://h/x", false, 0, "host='h'|sslmode='require'", NULL },
        { "ecto://h/x", false, 0, "host='h'|dbname='x'|sslmode='require'", NULL },
        { "ecto://u:p%40ss@h/x?pool_size=10&timeout=5000&ssl=true", false, 0,
          "password='p@ss'|sslmode='require'", "pool_size|timeout='5000'" },
        { "ecto://h/x?ssl=false", false, -EINVAL, NULL, NULL },
        { "ecto://h/x?ssl=false", true, 0, "sslmode='disable'", NULL },
        { "postgres://h/x", true, 0, "sslmode='prefer'", NULL },
        { "postgres://h/x?sslmode=verify-full", false, 0, "sslmode='verify-full'", "require" },
        { "postgres://h/x?sslmode=verify-full", true, 0, "sslmode='verify-full'", "prefer" },
        { "postgres://h/x?sslmode=prefer", false, -EINVAL, NULL, NULL },
        { "postgres://h/x?sslmode=disable", true, 0, "sslmode='disable'", NULL },
        { "postgres:///x?host=/run/postgresql", false, 0, "host='/run/postgresql'", "sslmode" },
        { "ecto://u@localhost/x?socket_dir=/run/postgresql", false, 0, "host='/run/postgresql'", "sslmode" },
        { "postgres:///x?host=/run/a,b", false, 0, "sslmode='require'", NULL },
        { "postgres://a,b:5433/x?target_session_attrs=read-write", false, 0,
          "host='a,b'|port=',5433'|target_session_attrs='read-write'|sslmode='require'", NULL },
        { "postgres://u@%2Frun%2Fpostgresql/x", false, 0, "host='/run/postgresql'", "sslmode" },
        { "host=/tmp dbname=x", false, 0, "host='/tmp'|dbname='x'", "sslmode" },
        { "host=10.0.0.1 password='it''s' dbname=x", false, -EINVAL, NULL, NULL },
        { "host=10.0.0.1 password='it\\'s' dbname=x", false, 0, "password='it\\'s'|sslmode='require'", NULL },
        { "hostaddr=10.0.0.1", false, 0, "hostaddr='10.0.0.1'|sslmode='require'", NULL },
        { "host=@abstract", false, 0, "host='@abstract'", "sslmode" },
        { "application_name=mine options='-c geqo=off'", false, 0,
          "application_name='mine'|options='-c geqo=off'", "test" },
        { "client_encoding=LATIN1", false, 0, "client_encoding='UTF8'", "LATIN1" },
        { "connect_timeout=3", false, 0, "connect_timeout='3'", "connect_timeout='10'" },
        { "http://h/x", false, -EINVAL, NULL, NULL },
        { "postgres", false, -EINVAL, NULL, NULL },
        { "postgres://h/x?pool=1", false, -EINVAL, NULL, NULL },
        { "postgres://h:port:port/x", false, 0, "port='port:port'", NULL },     /* refused by connecting */
};

static void check_pieces(const char *conninfo, const char *pieces, bool there) {
        Text rest = text_of(pieces), piece;
        char string[128];

        while (text_split(&rest, '|', &piece)) {
                snprintf(string, sizeof string, "%.*s", (int) piece.length, piece.data);
                if ((strstr(conninfo, string) != NULL) == there)
                        continue;
                fprintf(stderr, "%s: \"%s\" is %s\n", conninfo, string, there ? "missing" : "there");
                exit(1);
        }
}

int main(void) {
        static const char *const environment[] = {
                "PGAPPNAME",  "PGCONNECT_TIMEOUT", "PGDATABASE", "PGHOST",
                "PGHOSTADDR", "PGOPTIONS",         "PGSERVICE",  "PGSSLMODE",
        };

        for (size_t i = 0; i < ELEMENTSOF(environment); i++)
                unsetenv(environment[i]);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(buffer_deinit) Buffer conninfo = BUFFER_NULL;

                fprintf(stderr, "%s\n", cases[i].url);
                CHECK_INT(db_conninfo(text_of(cases[i].url), cases[i].disable_ssl, "test", &conninfo),
                          cases[i].error);
                if (cases[i].error < 0)
                        continue;
                check_pieces(buffer_string(&conninfo), cases[i].contains, true);
                check_pieces(buffer_string(&conninfo), cases[i].lacks, false);
        }

        /* What libpq would take from the environment counts as well. */
        setenv("PGHOST", "db.example.org", true);
        {
                _cleanup_(buffer_deinit) Buffer conninfo = BUFFER_NULL;

                CHECK_INT(db_conninfo(TEXT("dbname=x"), false, "test", &conninfo), 0);
                check_pieces(buffer_string(&conninfo), "sslmode='require'", true);
        }
        return 0;
}
