#!/bin/sh
# Sets up Metabase through its API: the first administrator, and then, where SETUP_DIR has a plan, its content. It may
# be stopped at any point and run again.
#   METABASE_URL           Metabase's address
#   ADMIN_EMAIL            the administrator
#   ADMIN_PASSWORD         and the password
#   ADMIN_PASSWORD_BEFORE  optional: the password before the last rotation
#   SITE_NAME              name of the installation
#   SETUP_DIR              json.awk; with a plan also metabase-content.sh and what the plan names
set -eu

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
SESSION=

say() { printf '%s\n' "$*"; }
fail() { printf 'metabase-setup: %s\n' "$*" >&2; exit 1; }

# flat FILE: every value of a JSON file as PATH<tab>VALUE.
flat() { awk -f "$SETUP_DIR/json.awk" "$1"; }
# get FILE PATH: one value, or nothing.
get() { flat "$1" | awk -F '\t' -v path="$2" '$1 == path { print substr($0, length($1) + 2); exit }'; }
# quoted TEXT: a JSON string.
quoted() {
  printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$(printf '\t')/\\\\t/g" |
    awk '{ printf "%s%s", (NR > 1 ? "\\n" : "\""), $0 } END { print (NR ? "" : "\"") "\"" }'
}

# request METHOD PATH [BODY]: the answer is in $WORK/answer, its status in STATUS.
request() {
  set -- "$1" "$2" "${3:-}"
  printf 'header = "X-Metabase-Session: %s"\n' "$SESSION" > "$WORK/curl"
  if [ -n "$3" ]; then
    printf 'header = "Content-Type: application/json"\ndata-binary = "@%s"\n' "$3" >> "$WORK/curl"
  fi
  STATUS=$(curl --silent --show-error --max-time 120 --config "$WORK/curl" --request "$1" \
    --output "$WORK/answer" --write-out '%{http_code}' "$METABASE_URL$2") || fail "$1 $2: Metabase does not answer"
}
# call METHOD PATH [BODY]: as request, and ends the run when Metabase refuses.
call() {
  request "$@"
  case $STATUS in
    2??) ;;
    *) fail "$1 $2: status $STATUS: $(head -c 500 "$WORK/answer")" ;;
  esac
}

wait_for_metabase() {
  tries=0
  until curl --silent --fail --max-time 10 --output /dev/null "$METABASE_URL/api/health"; do
    tries=$((tries + 1))
    [ "$tries" -lt "${WAIT_TRIES:-120}" ] || fail "Metabase is not ready at $METABASE_URL"
    sleep "${WAIT_SECONDS:-5}"
  done
}

log_in() { # PASSWORD
  printf '{"username":%s,"password":%s}' "$(quoted "$ADMIN_EMAIL")" "$(quoted "$1")" > "$WORK/body"
  request POST /api/session "$WORK/body"
  case $STATUS in
    2??) SESSION=$(get "$WORK/answer" id) ;;
    4??) return 1 ;;
    *) fail "POST /api/session: status $STATUS" ;;
  esac
}

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
    if [ -z "${ADMIN_PASSWORD_BEFORE:-}" ] || ! log_in "$ADMIN_PASSWORD_BEFORE"; then
      fail "Metabase does not take the password of $ADMIN_EMAIL: it was changed in Metabase itself. Put it into the Secret, or set Metabase's back"
    fi
    call GET /api/user/current
    printf '{"password":%s,"old_password":%s}' "$(quoted "$ADMIN_PASSWORD")" "$(quoted "$ADMIN_PASSWORD_BEFORE")" > "$WORK/body"
    call PUT "/api/user/$(get "$WORK/answer" id)/password" "$WORK/body"
    say "administrator $ADMIN_EMAIL: password changed"
    log_in "$ADMIN_PASSWORD" || fail "Metabase does not take the password that was just set"
  fi
}

wait_for_metabase
set_up_admin
if [ -f "$SETUP_DIR/plan" ]; then
  # shellcheck source=/dev/null
  . "$SETUP_DIR/metabase-content.sh"
fi
say "Metabase is set up"
