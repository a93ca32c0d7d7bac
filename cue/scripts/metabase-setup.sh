#!/bin/sh
# Sets up Metabase through its API: the first administrator, and then, where there is a plan, its content. It may be
# stopped at any point and run again.
#   METABASE_URL             Metabase's address
#   ADMIN_EMAIL              the administrator
#   ADMIN_PASSWORD           and the password
#   ADMIN_PASSWORD_PREVIOUS  optional: the password before the last rotation
#   SITE_NAME                name of the installation
#   SETUP_DIR                json.awk; with a plan also that and what it names
#   SOURCES_DIR              with a plan, see metabase-content.sh
# metabase-api.sh lies beside this script, and with a plan metabase-content.sh too.
# shellcheck source-path=SCRIPTDIR source=metabase-api.sh
. "$(dirname "$0")/metabase-api.sh"

set_up_admin() {
  call GET /api/session/properties
  if [ "$(get "$WORK/answer" has-user-setup)" != true ]; then
    printf '{"token":"%s","user":{"first_name":"Platform","last_name":"Administrator","email":%s,"password":%s},"prefs":{"site_name":%s}}' \
      "$(get "$WORK/answer" setup-token)" "$(quoted "$ADMIN_EMAIL")" "$(quoted "$ADMIN_PASSWORD")" "$(quoted "$SITE_NAME")" > "$WORK/body"
    request POST /api/setup "$WORK/body"
    case $STATUS in
      2??) say "administrator $ADMIN_EMAIL: made" ;;
      403) ;;
      *) fail "POST /api/setup: status $STATUS: $(head -c 500 "$WORK/answer")" ;;
    esac
  fi
  if ! log_in "$ADMIN_PASSWORD"; then
    if [ -z "${ADMIN_PASSWORD_PREVIOUS:-}" ] || ! log_in "$ADMIN_PASSWORD_PREVIOUS"; then
      fail "Metabase does not take the password of $ADMIN_EMAIL: it was changed in Metabase itself, or the database was there before the Secret. Put Metabase's into the Secret"
    fi
    call GET /api/user/current
    printf '{"password":%s,"old_password":%s}' "$(quoted "$ADMIN_PASSWORD")" "$(quoted "$ADMIN_PASSWORD_PREVIOUS")" > "$WORK/body"
    call PUT "/api/user/$(get "$WORK/answer" id)/password" "$WORK/body"
    say "administrator $ADMIN_EMAIL: password changed"
    log_in "$ADMIN_PASSWORD" || fail "Metabase does not take the password that was just set"
  fi
}

wait_for_metabase
set_up_admin
if [ -n "${SOURCES_DIR:-}" ]; then
  # shellcheck source=metabase-content.sh
  . "$(dirname "$0")/metabase-content.sh"
fi
say "Metabase is set up"
