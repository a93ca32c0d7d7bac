#!/bin/sh
# Keeps the SQL processors of one component in step with what it declares, through the API of Lenses HQ.
#   lenses-processors.sh apply   brings Lenses to what is declared; ends when every processor runs
#   lenses-processors.sh keep    does so for as long as it lives, and starts failed processors again. On SIGTERM it
#                                removes them when the component itself is being deleted, and only then
#   lenses-processors.sh remove  stops and deletes all processors of the component
#
# A processor belongs to the component when its description holds the component's marker,
# [vela-realtime:NAMESPACE.NAME:HASH]. HASH is that of all that was declared, so another hash means: replace it, since
# Lenses has no call that changes a processor. Nothing without the marker is ever touched. All state is in Lenses: the
# script may be killed anywhere, run again, and run twice at once.
#
#   OWNER               NAMESPACE.NAME
#   PROCESSORS_DIR      `processors`, a line each: name in Lenses, file, hash; and the files: the bodies of the requests
#   LENSES_URL          HQ's address
#   LENSES_ENVIRONMENT  what HQ calls the Kafka that is meant
#   LENSES_USER, LENSES_PASSWORD  of somebody who may manage its processors; or
#   LENSES_TOKEN        the key of a service account
#   WAIT_SECONDS        when apply and remove give up; default 600
#   POLL_SECONDS        between two looks at Lenses while something is missing; default 3
#   KEEP_SECONDS        between two looks of keep while all is well; default 60
#   RETRIES             how often keep starts a processor again that has failed, until it runs; default 0
#   STATE_DIR           where keep leaves the files `ready` (all processors run) and `alive` (it has just looked)
#   DEPLOYMENT          of keep; without it, nothing is removed on SIGTERM
# kubernetes.sh, with its own variables, and json.awk lie beside this script.
# shellcheck source-path=SCRIPTDIR source=kubernetes.sh
. "$(dirname "$0")/kubernetes.sh"

MODE=${1:-apply}
PROCESSORS=$PROCESSORS_DIR/processors
TAB=$(printf '\t')
TOLD=
PROBLEM=
REFUSED= # not empty: the credentials are missing or wrong

# tell says a thing once, however often it happens in a row.
tell() {
  [ "$TOLD" = "$*" ] || say "$*"
  TOLD=$*
}

# pause SECONDS: a signal ends it.
pause() {
  sleep "$1" &
  wait $!
}

json_string() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# reason is what was said of a request that failed: `error` and `fields` by the Agent, `title` by HQ, else the text.
reason() {
  awk -F '\t' -v status="$STATUS" '
    $1 == "error" || $1 == "title" { text = $2 }
    $1 ~ /^fields\.[0-9]+\.lineNumber$/ { more = more " (line " $2 ")" }
    $1 ~ /^(fields|invalid_fields)\.[0-9]+\.(error|title)$/ { more = more "; " $2 }
    END { if (text more != "") print text more " (status " status ")" }' "$WORK/values" > "$WORK/reason"
  [ -s "$WORK/reason" ] || printf '%s (status %s)\n' "$(head -c 300 "$WORK/answer" | tr '\n' ' ')" "$STATUS" > "$WORK/reason"
  cat "$WORK/reason"
}

# sign_in gets a session, or takes the token.
sign_in() {
  if [ -n "${LENSES_TOKEN:-}" ]; then
    printf 'header = "Authorization: Bearer %s"\n' "$LENSES_TOKEN" > "$WORK/session"
    return
  fi
  if [ -z "${LENSES_USER:-}" ] || [ -z "${LENSES_PASSWORD:-}" ]; then
    REFUSED=yes
    PROBLEM="the Secret for Lenses HQ has neither LENSES_TOKEN nor LENSES_USER and LENSES_PASSWORD"
    return 1
  fi
  printf '{"username":"%s","password":"%s"}' "$(json_string "$LENSES_USER")" "$(json_string "$LENSES_PASSWORD")" > "$WORK/login"
  http POST "$LENSES_URL/api/v1/login" "$WORK/login" << CONFIG
dump-header = "$WORK/headers"
CONFIG
  case $STATUS in
    # Of an HQ that people open by https, the cookie is "Secure": curl would not keep it where HQ speaks plain HTTP.
    2??) sed -n 's/^[Ss]et-[Cc]ookie: *\([^;]*\).*/\1/p' "$WORK/headers" | tr -d '\r' | sed 's/.*/cookie = "&"/' > "$WORK/session" ;;
    000 | 5??) PROBLEM="Lenses HQ does not answer at $LENSES_URL (status $STATUS)"; return 1 ;;
    *) REFUSED=yes PROBLEM="Lenses HQ does not let $LENSES_USER in: $(reason)"; return 1 ;;
  esac
}

# lenses METHOD PATH [BODY]: PATH below the environment. A session that has ended is begun anew.
lenses() {
  set -- "$1" "$LENSES_URL/api/v1/environments/$LENSES_ENVIRONMENT$2" "${3:-}"
  http "$@" < "$WORK/session"
  [ "$STATUS" = 401 ] && [ -z "${LENSES_TOKEN:-}" ] || return 0
  rm "$WORK/session"
  sign_in || return 0
  http "$@" < "$WORK/session"
}
processors_v1() { printf '/proxy/api/v1/streams/%s' "$1"; }
PROCESSORS_V2=/proxy/api/v2/streams

# look writes $WORK/found, a processor a line: id, name, the hash in our marker or "-" where the processor is not ours,
# level of its status, messages of its runners. Sorted, so that all who look agree which of two comes first.
look() {
  [ -s "$WORK/session" ] || sign_in || return
  lenses GET ''
  [ "$STATUS" != 401 ] || REFUSED=yes
  case $STATUS in
    200) ;;
    000 | 5??) PROBLEM="Lenses HQ does not answer at $LENSES_URL (status $STATUS)"; return 1 ;;
    404) PROBLEM="Lenses HQ has no environment $LENSES_ENVIRONMENT yet"; return 1 ;;
    *) PROBLEM="Lenses HQ does not show its environment $LENSES_ENVIRONMENT: $(reason)"; return 1 ;;
  esac
  if [ "$(value status.agent_connected)" != true ]; then
    PROBLEM="the Agent of the environment $LENSES_ENVIRONMENT is not connected to Lenses HQ"
    return 1
  fi
  lenses GET "$PROCESSORS_V2"
  if [ "$STATUS" != 200 ]; then
    PROBLEM="Lenses does not list its processors: $(reason)"
    return 1
  elif ! awk -f "$(dirname "$0")/json.awk" "$WORK/answer" > "$WORK/values" 2> /dev/null; then
    PROBLEM="Lenses lists its processors in a form that cannot be read"
    return 1
  fi
  awk -F '\t' -v marker="[vela-realtime:$OWNER:" '
    function begin() { id = name = messages = ""; hash = "-"; level = "UNKNOWN" }
    function put() { if (id != "") print id "\t" name "\t" hash "\t" level "\t" messages; begin() }
    BEGIN { begin(); number = "none" }
    $1 ~ /^processors\.[0-9]+\./ {
      split($1, path, ".")
      if (path[2] != number) { put(); number = path[2] }
      key = substr($1, length("processors." number ".") + 1)
      if (key == "id") id = $2
      if (key == "application.name") name = $2
      if (key == "metadata.description" && (at = index($2, marker))) {
        hash = substr($2, at + length(marker))
        hash = substr(hash, 1, index(hash, "]") - 1)
      }
      if (key == "deployment.status.level") level = $2
      if (key ~ /^deployment\.status\.replicas\.[0-9]+\.msg$/) messages = messages (messages == "" ? "" : "; ") $2
    }
    END { put() }' "$WORK/values" | sort > "$WORK/found"
}

# found_first NAME [HASH]: id of the first processor of ours with that name. What is compared in awk gets "" behind it:
# two hashes like 1234e567 and 4321e765 would be numbers otherwise, equal ones to some, unequal to themselves to busybox.
found_first() {
  awk -F '\t' -v name="$1" -v hash="${2:-}" '$2 == name "" && $3 != "-" && (hash == "" || $3 == hash "") { print $1; exit }' "$WORK/found"
}

# drop ID NAME WHY
drop() {
  tell "removing $2: $3"
  lenses PUT "$(processors_v1 "$1")/stop"
  lenses DELETE "$(processors_v1 "$1")"
  case $STATUS in 2?? | 404) return ;; esac
  PROBLEM="Lenses does not remove $2: $(reason)"
  return 1
}

# start ID NAME
start() {
  lenses PUT "$(processors_v1 "$1")/start"
  case $STATUS in 2?? | 409) return ;; esac
  PROBLEM="Lenses does not start $2: $(reason)"
  return 1
}

# may_start NAME: apply starts whatever does not run. keep counts, but for what it has just made.
may_start() {
  [ "$MODE" = keep ] || return 0
  if [ -e "$WORK/new.$1" ]; then
    rm "$WORK/new.$1"
    return 0
  fi
  count=$(cat "$WORK/starts.$1" 2> /dev/null || echo 0)
  [ "$count" -lt "${RETRIES:-0}" ] || return 1
  echo $((count + 1)) > "$WORK/starts.$1"
  say "$1 does not run: starting it again, $((count + 1)) of $RETRIES"
}

# observe NAME ID LEVEL MESSAGES: true when the processor runs; else it is started, if it may be.
observe() {
  case $3 in
    RUNNING)
      rm -f "$WORK/starts.$1" "$WORK/new.$1"
      return 0
      ;;
    NOT_RUNNING | FAIL* | ERROR*)
      if may_start "$1"; then
        [ "$3" = NOT_RUNNING ] || lenses PUT "$(processors_v1 "$2")/stop"
        start "$2" "$1" || return
      fi
      ;;
  esac
  PROBLEM="$1 is $3${4:+: $4}"
  return 1
}

# create NAME FILE
create() {
  tell "creating $1"
  lenses POST "$PROCESSORS_V2" "$PROCESSORS_DIR/$2"
  case $STATUS in
    2??)
      : > "$WORK/new.$1"
      PROBLEM=${PROBLEM:-"$1 has just been created"}
      ;;
    # Somebody else was faster: the next look shows it.
    409) PROBLEM=${PROBLEM:-"$1 exists: $(reason)"} ;;
    *) PROBLEM="Lenses refuses $1: $(reason)" ;;
  esac
}

# clean removes what is ours and is not declared, or not so, or is there twice. True when there was nothing.
clean() {
  cp "$WORK/found" "$WORK/before"
  dropped=0
  while IFS=$TAB read -r id name hash rest; do
    [ "$hash" != - ] || continue
    wanted=$(awk -v name="$name" '$1 == name "" { print $3 }' "$PROCESSORS")
    if [ -z "$wanted" ]; then
      why="it is no longer declared"
    elif [ "$wanted" != "$hash" ]; then
      why="it has changed"
    elif [ "$(found_first "$name" "$hash")" != "$id" ]; then
      why="there are two of it"
    else
      continue
    fi
    drop "$id" "$name" "$why" || return
    dropped=1
  done < "$WORK/before"
  [ "$dropped" = 0 ] || look || return
}

# step takes Lenses one step closer to what is declared. True when all is as declared and runs, else $PROBLEM says what
# is missing.
step() {
  PROBLEM=
  look && clean || return
  settled=true
  while read -r name file hash; do
    id=$(found_first "$name")
    if [ -n "$id" ]; then
      level=$(awk -F '\t' -v id="$id" '$1 == id "" { print $4 }' "$WORK/found")
      messages=$(awk -F '\t' -v id="$id" '$1 == id "" { print $5 }' "$WORK/found")
      observe "$name" "$id" "$level" "$messages" || settled=false
    elif cut -f 2 "$WORK/found" | grep -qxF "$name"; then
      PROBLEM="there is a processor $name in $LENSES_ENVIRONMENT that is not this component's: remove it there, or rename the query"
      settled=false
    else
      create "$name" "$file"
      settled=false
    fi
  done < "$PROCESSORS"
  $settled
}

apply() {
  deadline
  until step; do
    tell "waiting: $PROBLEM"
    [ "$(date +%s)" -lt "$DEADLINE" ] || fail "$PROBLEM"
    pause "${POLL_SECONDS:-3}"
  done
  say "all processors run: $(awk '{ printf "%s%s", separator, $1; separator = ", " }' "$PROCESSORS")"
}

remove() {
  deadline
  while :; do
    PROBLEM=
    if look; then
      awk -F '\t' '$3 != "-"' "$WORK/found" > "$WORK/ours"
      if [ ! -s "$WORK/ours" ]; then
        say "no processor of $OWNER is left"
        return
      fi
      while IFS=$TAB read -r id name rest; do
        drop "$id" "$name" "its component goes" || break
      done < "$WORK/ours"
    fi
    if [ -n "$PROBLEM" ]; then
      tell "waiting: $PROBLEM"
      [ "$(date +%s)" -lt "$DEADLINE" ] || fail "$PROBLEM"
      pause "${POLL_SECONDS:-3}"
    fi
  done
}

# being_deleted: does the component go, or only this pod? The API server is asked for the Deployment of the pod. With a
# component go its Role and ServiceAccount too, so to be refused means the same as to be told that there is none. Where
# nobody answers, the processors stay.
being_deleted() {
  [ -n "${DEPLOYMENT:-}" ] || return
  http GET "${KUBERNETES_URL:-https://kubernetes.default.svc}/apis/apps/v1/namespaces/$NAMESPACE/deployments/$DEPLOYMENT" << CONFIG
cacert = "$ACCOUNT_DIR/ca.crt"
header = "Authorization: Bearer $(cat "$ACCOUNT_DIR/token")"
CONFIG
  case $STATUS in
    401 | 403 | 404) return 0 ;;
    200) [ -n "$(value metadata.deletionTimestamp)" ] ;;
    *) return 1 ;;
  esac
}

stop_keeping() {
  trap '' TERM
  if being_deleted; then
    say "the component is being deleted"
    remove
  else
    say "this pod stops, the component stays, and so do its processors"
  fi
  exit 0
}

keep() {
  trap stop_keeping TERM
  while :; do
    if step; then
      tell "all processors run"
      : > "$STATE_DIR/ready"
      seconds=${KEEP_SECONDS:-60}
    else
      rm -f "$STATE_DIR/ready"
      # A Secret that has been made or mended since then is read when the container starts again.
      [ -z "$REFUSED" ] || fail "$PROBLEM"
      tell "waiting: $PROBLEM"
      seconds=${POLL_SECONDS:-3}
    fi
    : > "$STATE_DIR/alive"
    pause "$seconds"
  done
}

case $MODE in
  apply | keep | remove) "$MODE" ;;
  *) fail "unknown mode $MODE: apply, keep or remove" ;;
esac
