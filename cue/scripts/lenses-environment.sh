#!/bin/sh
# Makes an environment in Lenses HQ and puts the key of its Agent into a Secret. HQ shows a key only once, when it makes
# the environment. So when the Secret has no key, or that of an environment that HQ no longer has, the environment is
# deleted and made anew, unless an Agent is connected to it: that one's key is known to someone. May be stopped at any
# point and run again. Waits for HQ and for the Secret. Needs get and patch on the Secret.
#   LENSES_URL LENSES_USER LENSES_PASSWORD  HQ and its administrator
#   ENVIRONMENT TIER                        name of the environment, and development, staging or production
#   NAMESPACE AGENT_KEY_SECRET AGENT_KEY    Secret and key in it
#   GRACE_SECONDS                           before an environment without a key is deleted; default 10
# kubernetes.sh and json.awk lie beside this script.
# shellcheck source-path=SCRIPTDIR source=kubernetes.sh
. "$(dirname "$0")/kubernetes.sh"

ANNOTATION=vela-realtime.dev/lenses-environment
HQ="$LENSES_URL/api/v1/environments"
made='' key='' patience=1

# lenses METHOD URL [BODY]: as http, as the administrator. Waits for HQ.
lenses() {
  while :; do
    http "$@" <<CONFIG
user = "$(printf '%s:%s' "$LENSES_USER" "$LENSES_PASSWORD" | sed 's/[\\"]/\\&/g')"
CONFIG
    case $STATUS in
      000 | 5??) wait_for "Lenses HQ does not answer at $LENSES_URL (status $STATUS)" ;;
      401) fail "Lenses HQ does not let $LENSES_USER in: $(message title)" ;;
      *) return ;;
    esac
  done
}
refused() { fail "environment $ENVIRONMENT: Lenses HQ refuses $*: $(message title) (status $STATUS)"; }

# settle: true when the Secret has the key of the environment that HQ has.
settle() {
  read_secret "$AGENT_KEY_SECRET"
  version=$VERSION stored=$(value "data.$AGENT_KEY") owner=$(value "metadata.annotations.$ANNOTATION")
  lenses GET "$HQ/$ENVIRONMENT"
  case $STATUS in
    200) id=$(value id) connected=$(value status.agent_connected) ;;
    404) id='' ;;
    *) refused to show it ;;
  esac

  if [ -n "$made" ] && [ "$id" = "$made" ]; then
    keep "$(printf %s "$key" | base64 | tr -d '\n')" && say "environment $ENVIRONMENT: made; its key is in the Secret $AGENT_KEY_SECRET"
    return
  fi
  if [ -n "$id" ] && [ -n "$stored" ]; then
    if [ "$id" = "$owner" ]; then
      say "environment $ENVIRONMENT: its key is in the Secret $AGENT_KEY_SECRET"
      return
    fi
    # A key that someone else put there counts, too, as far as we can know.
    if [ -z "$owner" ] || [ "$connected" = true ]; then
      keep "$stored" && say "environment $ENVIRONMENT: the key in the Secret $AGENT_KEY_SECRET stays"
      return
    fi
  fi
  if [ -n "$id" ]; then
    [ "$connected" != true ] || fail "an Agent is connected to environment $ENVIRONMENT with a key that the Secret $AGENT_KEY_SECRET does not have. Put it there as $AGENT_KEY, or delete the environment in Lenses HQ"
    if [ -n "$patience" ]; then
      # Another run may be just between making the environment and writing its key.
      patience=
      sleep "${GRACE_SECONDS:-10}"
      return 1
    fi
    lenses DELETE "$HQ/$ENVIRONMENT"
    case $STATUS in 2?? | 404) ;; *) refused to delete it ;; esac
    say "environment $ENVIRONMENT: deleted, since nobody has its key"
  fi
  printf '{"name":"%s","tier":"%s"}' "$ENVIRONMENT" "$TIER" > "$WORK/body"
  lenses POST "$HQ" "$WORK/body"
  case $STATUS in
    2??) ;;
    409) return 1 ;;
    *) refused to make it ;;
  esac
  made=$(value id) key=$(value agent_key)
  if [ -z "$made" ] || [ -z "$key" ]; then fail "Lenses HQ answered without id or agent_key"; fi
  return 1
}

# keep KEY: puts a key, in base64, and the environment it belongs to into the Secret.
keep() { patch_secret "$AGENT_KEY_SECRET" "$version" "\"$ANNOTATION\":\"$id\"" "\"$AGENT_KEY\":\"$1\""; }

deadline
until settle; do :; done
