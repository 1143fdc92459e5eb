/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgurctl config: the settings as the programs see them. Wrong ones are reported while they are loaded, so
 * "check" has nothing left to do.
 */

#include <string.h>

#include "ctl/ctl.h"

int verb_config_check(Ctl *ctl, int argc, char *argv[]) {
        if (argc > 1)
                return EXIT_USAGE;
        if (ctl->json)
                puts("{\"ok\":true}");
        else
                puts("The settings are good.");
        return EXIT_OK;
}

int verb_config_show(Ctl *ctl, int argc, char *argv[]) {
        if (argc > 1)
                return EXIT_USAGE;
        settings_print(ctl->settings, stdout, ctl->json);
        return EXIT_OK;
}

int verb_config_reference(Ctl *ctl, int argc, char *argv[]) {
        bool roff = argc == 2 && strcmp(argv[1], "--roff") == 0;

        if (argc > (roff ? 2 : 1))
                return EXIT_USAGE;
        settings_print_reference(stdout, roff);
        return EXIT_OK;
}
