# Reads and patches Secrets through the Kubernetes API. To be sourced; json.awk lies beside it.
#   NAMESPACE       namespace of the Secrets
#   KUBERNETES_URL  the API server; default https://kubernetes.default.svc
#   ACCOUNT_DIR     token and ca.crt; default: where Kubernetes mounts them
#   WAIT_SECONDS    how long to wait for one thing; default 600
#   POLL_SECONDS    between two looks; default 3
# It sets WORK, a directory that is gone when the script ends.
# shellcheck shell=sh

set -eu
umask 077
export LC_ALL=C

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
SECRETS="${KUBERNETES_URL:-https://kubernetes.default.svc}/api/v1/namespaces/$NAMESPACE/secrets"
ACCOUNT_DIR=${ACCOUNT_DIR:-/var/run/secrets/kubernetes.io/serviceaccount}
WAITING_FOR=

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# deadline: from now on, waiting may take WAIT_SECONDS.
deadline() { DEADLINE=$(($(date +%s) + ${WAIT_SECONDS:-600})); }
# wait_for WHAT: sleeps a little; ends the script when there is no time left.
wait_for() {
  [ "$1" = "$WAITING_FOR" ] || say "waiting: $1"
  WAITING_FOR=$1
  [ "$(date +%s)" -lt "$DEADLINE" ] || fail "gave up after ${WAIT_SECONDS:-600} seconds: $1"
  sleep "${POLL_SECONDS:-3}"
}

# http METHOD URL [BODY [TYPE]] < curl's further configuration: STATUS, 000 without a whole answer, and what it says.
http() {
  {
    cat
    [ -z "${3:-}" ] || printf 'header = "Content-Type: %s"\ndata-binary = "@%s"\n' "${4:-application/json}" "$3"
  } > "$WORK/curl"
  : > "$WORK/answer"
  STATUS=$(curl --silent --max-time 30 --config "$WORK/curl" --request "$1" --output "$WORK/answer" \
    --write-out '%{http_code}' "$2") || STATUS=000
  awk -f "$(dirname "$0")/json.awk" "$WORK/answer" > "$WORK/values" 2> /dev/null || : > "$WORK/values"
}
# value PATH: one value of the last answer, or nothing.
value() { awk -F '\t' -v path="$1" '$1 == path { print substr($0, length($1) + 2) }' "$WORK/values"; }
# message PATH: the same for people to read.
message() { printf '%b' "$(value "$1" | sed 's/\\"/"/g')"; }

# kubernetes METHOD SECRET [BODY]: as http. When it fails, TROUBLE has the server's own words.
kubernetes() {
  http "$1" "$SECRETS/$2" "${3:-}" application/merge-patch+json <<CONFIG
cacert = "$ACCOUNT_DIR/ca.crt"
header = "Authorization: Bearer $(cat "$ACCOUNT_DIR/token")"
CONFIG
  VERSION=$(value metadata.resourceVersion)
  TROUBLE=$(message message)
  TROUBLE="Secret $2: ${TROUBLE:-status $STATUS}"
  case $STATUS in
    200) [ -z "$VERSION" ] || return 0; TROUBLE="Secret $2: the answer cannot be read" ;;
    000) TROUBLE="the Kubernetes API does not answer: $SECRETS/$2" ;;
    # Waiting cannot help a request that is wrong in itself.
    400 | 405 | 413 | 415 | 422) fail "$TROUBLE" ;;
  esac
  return 1
}

# read_secret SECRET: waits while it is missing, or while the Role that lets us read it is.
read_secret() { until kubernetes GET "$1"; do wait_for "$TROUBLE"; done; }

# patch_secret SECRET VERSION ANNOTATIONS DATA: sets members of two JSON objects, unless the Secret changed since
# VERSION. When it fails, look again.
patch_secret() {
  printf '{"metadata":{"resourceVersion":"%s","annotations":{%s}},"data":{%s}}' "$2" "$3" "$4" > "$WORK/patch"
  kubernetes PATCH "$1" "$WORK/patch" && return
  [ "$STATUS" = 409 ] || wait_for "$TROUBLE"
  return 1
}
