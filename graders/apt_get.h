/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands for apt-get while setup.sh runs. Nobody can install packages of the system in a box: they have files of
 * several owners, and there is one user. But most such lines ask for what is there already; this looks, and says what
 * is not.
 */
#pragma once

static const char apt_get_script[] =
    "#!/bin/sh\n"
    "what=\n"
    "names=\n"
    "skip=\n"
    "for word; do\n"
    "  if [ -n \"$skip\" ]; then skip=; continue; fi\n"
    "  case $word in\n"
    "    -o | -t | -c | --option | --target-release | --default-release | --config-file) skip=1 ;;\n"
    "    -*) ;;\n"
    "    *) if [ -z \"$what\" ]; then what=$word; else names=\"$names $word\"; fi ;;\n"
    "  esac\n"
    "done\n"
    "case $what in\n"
    "  update | upgrade | full-upgrade | dist-upgrade | clean | autoclean | autoremove | remove | purge)\n"
    "    echo \"apt-get $what: nothing is done in a box, which has the packages of its machine or image\"\n"
    "    exit 0 ;;\n"
    "  install) ;;\n"
    "  *) echo \"apt-get $what: not in a box, which has the packages of its machine or image\" >&2; exit 100 ;;\n"
    "esac\n"
    "list=${RUBRIC_PACKAGES:-/var/lib/dpkg/status}\n"
    "if [ ! -r \"$list\" ]; then echo 'apt-get: there is no list of installed packages here' >&2; exit 100; fi\n"
    "awk -v names=\"$names\" '\n"
    "  function add(text,   n, i, part) {\n"
    "    n = split(text, part, / *, */)\n"
    "    for (i = 1; i <= n; i++) { sub(/[ (].*/, \"\", part[i]); here[part[i]] = 1 }\n"
    "  }\n"
    "  /^Package: / { package = $2; provides = \"\"; status = \"\" }\n"
    "  /^Status: / { status = $4 }\n"
    "  /^Provides: / { provides = substr($0, 11) }\n"
    "  /^$/ { if (status == \"installed\") { here[package] = 1; add(provides) } package = \"\" }\n"
    "  END {\n"
    "    if (package != \"\" && status == \"installed\") { here[package] = 1; add(provides) }\n"
    "    n = split(names, wanted, \" \")\n"
    "    for (i = 1; i <= n; i++) {\n"
    "      name = wanted[i]\n"
    "      sub(/[=\\/:].*/, \"\", name)\n"
    "      if (!(name in here)) missing = missing \" \" name\n"
    "    }\n"
    "    if (missing == \"\") { print \"apt-get install: all of these are here already:\" names; exit 0 }\n"
    "    print \"apt-get install: not here, and a box cannot install them:\" missing\n"
    "    print \"Install them on the grading machine, or name an image that has them (image: in the rubric).\"\n"
    "    exit 100\n"
    "  }' \"$list\" >&2\n";
